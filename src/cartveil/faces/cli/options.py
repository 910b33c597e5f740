"""Options that several commands share, each written once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cartveil.errors import InputError

Command = Callable[..., Any]

FILE = click.Path(path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
passphrase_file = click.option(
    "--passphrase-file", type=FILE, help="File that holds the passphrase; else CARTVEIL_PASSPHRASE."
)
policy_file = click.option("--policy", type=FILE, help="Cedar policies; else the shipped ones.")
actor = click.option("--as", "actor", required=True, metavar="NAME:ROLE", help="Who asks, such as `lin:support`.")
purpose = click.option("--purpose", required=True, help="What for, such as `support` or `recommendation`.")
context = click.option(
    "--context", multiple=True, metavar="NAME=VALUE", help="A circumstance, such as `case=C-17`; may be repeated."
)


def parse_actor(text: str) -> tuple[str, str]:
    """Return name and role of `NAME:ROLE`."""
    name, colon, role = text.rpartition(":")
    if not colon or not name or not role:
        raise InputError(f"`{text}` is not a name and a role", path="--as", hint="write it as `lin:support`")
    return name, role


def parse_context(pairs: tuple[str, ...]) -> Mapping[str, object]:
    """Return `NAME=VALUE` pairs as values: true and false, whole numbers, and text."""
    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InputError(f"`{name}` has no value", path="--context", hint="write it as `case=C-17`")
        values[name] = {"true": True, "false": False}.get(text.lower(), int(text) if text.isdecimal() else text)
    return values
