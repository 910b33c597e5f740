"""`keys`: the keys of a vault by id and state, their rotation, and what locks them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cartveil.faces.cli.options import FILE, actor, as_json, parse_actor, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_json, talk

if TYPE_CHECKING:
    from cartveil.guard.policy import Principal

MECHANISMS = ("aes-kw", "rsa-oaep-sha1", "rsa-oaep-sha256", "rsa-oaep-sha384", "rsa-oaep-sha512")
PROFILES = ("scrypt-owasp", "scrypt-interactive", "argon2id-rfc9106", "argon2id-owasp")


def token_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a token; its PIN comes from the environment alone."""
    options: tuple[Callable[..., Any], ...] = (
        click.option("--pkcs11-mechanism", type=click.Choice(MECHANISMS), help="How the token wraps; aes-kw if none."),
        click.option("--pkcs11-key", metavar="LABEL", help="The key in the token; `cartveil` if none."),
        click.option("--pkcs11-token", metavar="LABEL", help="Lock with this token; PIN in CARTVEIL_PKCS11_PIN."),
        click.option("--pkcs11-module", type=FILE, help="PKCS#11 module; else CARTVEIL_PKCS11_MODULE."),
    )
    for option in options:
        command = option(command)
    return command


class _FolderOrVerb(click.Group):
    """Take what is no verb for a folder to show: `cartveil keys vault/`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_FolderOrVerb, subcommand_metavar="FOLDER | VERB [OPTIONS] FOLDER")
def keys() -> None:
    """Show a vault's keys by id and state, rotate them, or lock them anew."""


@keys.command()
@click.argument("folder", type=FILE)
@as_json
def show(folder: Path, as_json: bool) -> None:
    """Show ids and states of the keys; needs no passphrase. The verb may be left out."""
    from cartveil.faces.assemble import KEYRING_FILE
    from cartveil.guard.keys.ids import key_ids

    found = key_ids(folder / KEYRING_FILE)
    if as_json:
        emit_json([{"id": key.name, "state": str(key.state)} for key in found])
    else:
        for key in found:
            click.echo(f"{key.name} {key.state}")


@keys.command()
@click.argument("folder", type=FILE)
@actor
@click.option("--destroy-old", is_flag=True, help="Destroy the old key when nobody needs it any more.")
@passphrase_file
@policy_file
@as_json
def rotate(
    folder: Path, actor: str, destroy_old: bool, passphrase_file: Path | None, policy: Path | None, as_json: bool
) -> None:
    """Wrap every consumer's key by a new key; readers and writers go on. Killed, it goes on when run again."""
    from cartveil.faces.assemble import open_vault, read_settings

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        done = vault.rotate_keys(_principal(actor), destroy_old=destroy_old, on_progress=_told())
    talk(f"wrapped the keys of {done.rewrapped} consumers by wrapping-{done.version}")
    for name in done.destroyed:
        talk(f"destroyed {name}: backups from before cannot be read any more")
    if as_json:
        destroyed = list(done.destroyed)
        emit_json({"key": f"wrapping-{done.version}", "rewrapped": done.rewrapped, "destroyed": destroyed})


@keys.command()
@click.argument("folder", type=FILE)
@actor
@click.confirmation_option(prompt="Backups from before the last rotation cannot be read any more. Continue?")
@passphrase_file
@policy_file
def destroy(folder: Path, actor: str, passphrase_file: Path | None, policy: Path | None) -> None:
    """Destroy the retired keys; refused while a consumer still needs one."""
    from cartveil.faces.assemble import open_vault, read_settings

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        names = vault.destroy_old_keys(_principal(actor))
    talk(f"destroyed {', '.join(names)}" if names else "no key is retired")


@keys.command()
@click.argument("folder", type=FILE)
@click.argument("version", type=int)
@actor
@passphrase_file
@policy_file
def require(folder: Path, version: int, actor: str, passphrase_file: Path | None, policy: Path | None) -> None:
    """Refuse what keys older than wrapping-VERSION wrapped; they stay, and it can be taken back."""
    from cartveil.faces.assemble import open_vault, read_settings

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        vault.require_keys(_principal(actor), version)
    talk(f"keys older than wrapping-{version} open nothing any more")


@keys.command()
@click.argument("folder", type=FILE)
@actor
@click.option("--new-passphrase-file", type=FILE, help="File that holds the new passphrase.")
@click.option(
    "--profile", type=click.Choice(PROFILES), default=PROFILES[0], show_default=True, help="How it is derived."
)
@token_options
@passphrase_file
@policy_file
def relock(
    folder: Path,
    actor: str,
    new_passphrase_file: Path | None,
    profile: str,
    passphrase_file: Path | None,
    policy: Path | None,
    **token: Any,
) -> None:
    """Lock the keys with another passphrase or with a token; what opened them before opens them no more."""
    from cartveil.faces.assemble import open_vault, read_passphrase, read_settings
    from cartveil.faces.locking import new_lock, profile_named

    if (new_passphrase_file is None) == (token["pkcs11_token"] is None):
        raise click.UsageError("give either --new-passphrase-file or --pkcs11-token")
    text = None if new_passphrase_file is None else read_passphrase(new_passphrase_file)
    lock = new_lock(passphrase=text, token=named_token(**token), profile=profile_named(profile))
    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        vault.relock_keys(_principal(actor), lock)
    talk("locked anew; copies of the old file still open as they did, so destroy them")


@keys.command()
@token_options
def make(**token: Any) -> None:
    """Make a key in a token that never leaves it, for `init` and `keys relock`."""
    from cartveil.errors import KeyringError

    found = named_token(**token)
    if found is None:
        raise KeyringError("no token was named", hint="give --pkcs11-token and --pkcs11-module")
    found.make_key()
    talk(f"made a key in the token `{token['pkcs11_token']}`; it cannot be taken out")


def named_token(**token: Any) -> Any:
    """Return the token that a command's options name, or None."""
    from cartveil.faces.locking import read_token

    names = ("module", "token", "key", "mechanism")
    return read_token(**{name: token[f"pkcs11_{name}"] for name in names}) if token["pkcs11_token"] else None


def _told() -> Callable[[int, int], None] | None:
    """Return what shows progress on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def told(done: int, total: int) -> None:
        click.echo(f"\r{done} of {total}", err=True, nl=done == total)

    return told


def _principal(text: str) -> "Principal":
    from cartveil.guard.policy import Principal

    name, role = parse_actor(text)
    return Principal(name, role, {})
