"""What training may cost consumers: the methods of `Vault` for whoever grants privacy budgets and whoever spends."""

from cartveil.guard.policy import Principal
from cartveil.guard.vault.rights import budgets
from cartveil.guard.vault.rights.budget_lines import Line
from cartveil.guard.vault.rights.budgets import Budget
from cartveil.guard.vault.room import Room


class Ledger:
    """The part of `Vault` that keeps the budgets of private training.

    Guarantees:
        - What was reserved and spent never exceeds what was granted, however many programs spend at once.
        - What was reserved is spent, whatever whoever trained says of it, and also when the training was killed; only
          who may grant releases a part of it.
        - Every line is an entry of the log; refusals too.
    """

    _room: Room

    def grant_budget(self, actor: Principal, dataset: str, *, purpose: str, epsilon: float, delta: float) -> Budget:
        """Grant a privacy budget for one purpose, or add to it.

        Args:
            actor: A privacy officer.
            dataset: The table of the schema whose consumers it is about.
            purpose: What may be trained.
            epsilon: How much is added, above 0.
            delta: How much is added, above 0.

        Returns:
            The budget as it stands now.

        Raises:
            RefusedError: Policy says no.
            IntegrityError: Somebody changed the ledger.
        """
        with self._room.store.typed_errors():
            return budgets.grant(self._room, actor, dataset, {"purpose": purpose, "epsilon": epsilon, "delta": delta})

    def reserve_budget(self, actor: Principal, dataset: str, *, purpose: str, epsilon: float, delta: float) -> Line:
        """Reserve what a training can cost at most, before it begins.

        Args:
            actor: Who trains.
            dataset: The table that the release was made from; `ProtectedEvents.release["schema"]` names it.
            purpose: What the release was made for; `ProtectedEvents.release["purpose"]`.
            epsilon: The most it can cost.
            delta: The most it can cost.

        Returns:
            The reservation; its `id` settles it.

        Raises:
            RefusedError: Policy says no, or not enough is left; says what is.
            IntegrityError: Somebody changed the ledger.
        """
        with self._room.store.typed_errors():
            return budgets.reserve(self._room, actor, dataset, {"purpose": purpose, "epsilon": epsilon, "delta": delta})

    def settle_budget(self, actor: Principal, reservation: str, *, epsilon: float, delta: float) -> Line:
        """Say what a training used, once it ended; this is written down, and all that was reserved is spent.

        Args:
            actor: Who reserved it.
            reservation: Its name.
            epsilon: At most what was reserved, from the training's own account.
            delta: At most what was reserved.

        Returns:
            The line as it stands in the ledger, with what was reserved.

        Raises:
            InputError: No such reservation, one that was settled, or more than was reserved.
            RefusedError: Policy says no, or somebody else reserved it.
        """
        with self._room.store.typed_errors():
            return budgets.settle(self._room, actor, reservation, {"epsilon": epsilon, "delta": delta})

    def release_budget(self, actor: Principal, reservation: str, *, epsilon: float, delta: float) -> Line:
        """Free all but a part of what a training reserved, such as one that was killed before its first step.

        Args:
            actor: Who may grant budgets for this purpose: a privacy officer.
            reservation: Its name, settled or not; the log names it as its `case`.
            epsilon: How much stays spent, at most what was reserved.
            delta: How much stays spent, at most what was reserved.

        Returns:
            The line as it stands in the ledger now; it cannot be settled any more.

        Raises:
            InputError: No such reservation, or more than was reserved.
            RefusedError: Policy says no.
            IntegrityError: Somebody changed the ledger.
        """
        with self._room.store.typed_errors():
            return budgets.release(self._room, actor, reservation, {"epsilon": epsilon, "delta": delta})

    def budgets(self, actor: Principal) -> list[Budget]:
        """Return all budgets, by table and purpose; asking for them is written down.

        Raises:
            RefusedError: Policy says no.
            IntegrityError: Somebody changed the ledger.
        """
        with self._room.store.typed_errors():
            return budgets.show(self._room, actor)
