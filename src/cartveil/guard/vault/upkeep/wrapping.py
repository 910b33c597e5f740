"""The keys that wrap consumers' keys, and how they are changed: methods of `Vault`."""

from cartveil.guard.keys.lock import Lock
from cartveil.guard.policy import Principal
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.upkeep import rotating
from cartveil.guard.vault.upkeep.rotating import Progress, Rotation


class WrappingKeys:
    """The part of `Vault` that looks after wrapping keys."""

    _room: Room

    def rotate_keys(
        self, actor: Principal, *, destroy_old: bool = False, on_progress: Progress | None = None
    ) -> Rotation:
        """Wrap every consumer's key by a new wrapping key, while others read and write.

        Args:
            actor: An administrator or a privacy officer.
            destroy_old: Destroy the old key when everyone has the new one: backups of the vault from before can then
                be read no more, unless an old keyring and what opens it was kept.
            on_progress: Told how many consumers are done, and of how many.

        Raises:
            RefusedError: Policy says no.
            KeyringError: The keyring cannot be changed, or is older than the vault.
            IntegrityError: A wrapped key was changed; nothing is destroyed.

        Guarantees:
            - No reading fails meanwhile, in any program that has vault and keyring open.
            - Killed at any point, rotating again completes it; a key is destroyed only when nobody needs it.
        """
        with self._room.store.typed_errors():
            return rotating.rotate(self._room, actor, destroy_old=destroy_old, on_progress=on_progress)

    def destroy_old_keys(self, actor: Principal) -> tuple[str, ...]:
        """Destroy the wrapping keys that rotations retired, and return their ids; see `rotate_keys`.

        Raises:
            RefusedError: Policy says no.
            KeyringError: Somebody still has one of them.
        """
        with self._room.store.typed_errors():
            return rotating.destroy_old(self._room, actor)

    def require_keys(self, actor: Principal, version: int) -> None:
        """Refuse to open what a wrapping key older than a version wrapped; the keys stay, and it can be taken back.

        Args:
            actor: As for `rotate_keys`.
            version: The oldest version that opens from now on.

        Raises:
            RefusedError: Policy says no.
            InputError: No such version.
            KeyringError: Somebody still has an older one.
        """
        with self._room.store.typed_errors():
            rotating.require(self._room, actor, version)

    def relock_keys(self, actor: Principal, lock: Lock | str) -> None:
        """Lock the keyring with another passphrase, or with a token; what opened it before opens it no more.

        Args:
            actor: As for `rotate_keys`.
            lock: A `Passphrase`, a `Token`, or the text of a passphrase. Other programs that have the keyring open go
                on; after the next rotation they must open it again.

        Raises:
            RefusedError: Policy says no.
            InputError: An empty passphrase.
            KeyringError: The token refused, or the keyring cannot be changed.
        """
        with self._room.store.typed_errors():
            rotating.relock(self._room, actor, lock)
