"""`policy check`, `policy explain`, `policy diff`, `policy alerts`: rules, read by those who answer for them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cartveil.faces.cli.options import FILE, actor, as_json, context, parse_context, passphrase_file, policy_file
from cartveil.faces.cli.output import emit_json, emit_rows, emit_table, talk

if TYPE_CHECKING:  # `cartveil --help` must not wait for Cedar
    from cartveil.guard.policy.difference import Difference
    from cartveil.guard.policy.faults import Fault

schema_file = click.option("--schema", type=FILE, help="The shop's schema: explain or compare its tables and fields.")


@click.group()
def policy() -> None:
    """Check, explain and compare policies."""


@policy.command()
@click.argument("file", type=FILE, required=False)
@as_json
def check(file: Path | None, as_json: bool) -> None:
    """Check a policy FILE against the schema beside it (the shipped one where none is named), and list its rules.

    Exits 2 where it would not be loaded; a rule that changes nothing is a warning.
    """
    from cartveil.guard.policy import Policy
    from cartveil.guard.policy.checking import find_idle_rules
    from cartveil.guard.policy.faults import find_faults
    from cartveil.guard.policy.rules import read_rules

    name, text, schema = read_rules(file)
    faults = find_faults(text, schema)
    if faults:
        _say(name, faults, kind="error")
        if as_json:
            emit_json({"rules": [], "errors": [_fault(each) for each in faults], "warnings": []})
        raise click.exceptions.Exit(2)
    loaded = Policy.parse(text, schema, name=name)
    warnings = find_idle_rules(loaded, text)
    _say(name, warnings, kind="warning")
    rows = [{"rule": rule.name, "effect": "permit" if rule.permits else "forbid"} for rule in loaded.documents]
    if as_json:
        emit_json({"rules": rows, "errors": [], "warnings": [_fault(each) for each in warnings]})
    else:
        emit_rows(rows, as_json=False)
        talk(f"{name}: {len(rows)} rules fit their schema")


@policy.command()
@click.option("--role", required=True, help="Who asks, such as `support`.")
@click.option("--action", default="read", show_default=True, help="What for, such as `read`, `reveal` or `export`.")
@click.option("--table", default="customers", show_default=True, help="Of which table.")
@click.option("--fields", help="Names with commas between: of the schema's table, or kinds such as `phone`.")
@click.option("--purpose", default="", help="What it is for, such as `support`.")
@click.option("--case", help="The number of an open case.")
@click.option("--team", help="The team of the one who asks.")
@click.option("--region", help="The region of the one who asks.")
@context
@schema_file
@policy_file
@as_json
def explain(**options: Any) -> None:
    """Say for each field how it is seen, by which rule, and the smallest change after which more would be seen.

    Circumstances: `case_open`, `consent`, `own_record`, `break_glass` with `reason`, `hour`, and the consumer's
    `region`.
    """
    from cartveil.guard.policy import Policy
    from cartveil.guard.policy.explaining import explain as explained

    rows = [
        {
            "field": each.field or options["table"],
            "seen": each.outcome,
            "rules": list(each.rules) or ["no rule permits it"],
            "change": each.change,
            "then": each.more,
        }
        for each in explained(Policy.load(options["policy"]), _request(options))
    ]
    emit_rows(rows, as_json=options["as_json"])


@policy.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@schema_file
@click.option("--exit-code", is_flag=True, help="Leave with 1 where anything changes, as `git diff` does.")
@as_json
def diff(old: Path, new: Path, schema: Path | None, exit_code: bool, as_json: bool) -> None:
    """List who gains and who loses what when policy NEW replaces OLD; `shipped` names the shipped one."""
    from cartveil.guard.policy import Policy
    from cartveil.guard.policy.difference import compare

    before, after = (Policy.load(None if str(each) == "shipped" else each) for each in (old, new))
    found = compare(before, after, shape=_shape(schema))
    if as_json:
        emit_json([_change(each) for each in found])
    else:
        for each in found:
            click.echo(_sentence(each))
        talk(f"{sum(each.gains for each in found)} gained, {sum(not each.gains for each in found)} lost")
    if exit_code and found:
        raise click.exceptions.Exit(1)


@policy.command()
@click.argument("folder", type=FILE)
@actor
@passphrase_file
@policy_file
@as_json
def alerts(folder: Path, actor: str, passphrase_file: Path | None, policy: Path | None, as_json: bool) -> None:
    """List every reading behind broken glass in the vault of FOLDER, refused ones included."""
    from cartveil.faces.assemble import open_vault, read_settings
    from cartveil.faces.cli.options import parse_actor
    from cartveil.guard.policy import Principal

    with open_vault(folder, read_settings(passphrase_file=passphrase_file, policy=policy)) as vault:
        found = vault.alerts(Principal(*parse_actor(actor)))
    emit_table(found.select(_ALERT_COLUMNS), as_json=as_json)
    talk(f"{found.num_rows} readings behind broken glass")


_ALERT_COLUMNS = [
    "index",
    "time",
    "actor",
    "role",
    "action",
    "table",
    "fields",
    "subject",
    "decision",
    "rule",
    "reason",
]


def _say(name: str, faults: "Iterable[Fault]", *, kind: str) -> None:
    for fault in faults:
        place = "" if fault.place is None else f":{fault.place}"
        talk(f"{name}{place}: {kind}: {fault}")


def _fault(fault: "Fault") -> dict[str, object]:
    place = fault.place
    return {
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
        "rule": fault.rule,
        "message": fault.message,
    }


def _request(options: Mapping[str, Any]) -> Any:
    """Return what is asked, from the options of `explain`."""
    from cartveil.guard.policy import Principal, Request

    attributes = {name: options[name] for name in ("team", "region") if options[name]}
    circumstances = dict(parse_context(options["context"]))
    if options["case"]:
        circumstances["case_open"] = True
    principal = Principal("somebody", options["role"], attributes)
    fields = _fields(options)
    return Request(principal, options["action"], options["table"], fields, options["purpose"], circumstances)


def _fields(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    from cartveil.errors import InputError
    from cartveil.events.kinds import Kind
    from cartveil.events.schema import load_schema

    named = [name.strip() for name in (options["fields"] or "").split(",") if name.strip()]
    if options["schema"] is not None:
        table = load_schema(options["schema"]).table(options["table"])
        columns = [table.column(name) for name in named] or list(table.columns)
        fields = [(column.name, column.kind) for column in columns]
    else:
        unknown = [name for name in named if name not in list(Kind)]
        if unknown:
            hint = "name a kind such as `phone`, or pass `--schema cartveil.toml` for the fields of your tables"
            raise InputError(f"`{unknown[0]}` is no kind", path="--fields", hint=hint)
        fields = [(str(kind), kind) for kind in (map(Kind, named) if named else Kind)]
    return tuple(fields) if options["action"] in ("read", "reveal") else ()


def _shape(schema: Path | None) -> Any:
    from cartveil.events.schema import load_schema
    from cartveil.guard.policy.worlds import Shape

    if schema is None:
        return None
    tables = load_schema(schema).tables
    return Shape({table.name: tuple((column.name, column.kind) for column in table.columns) for table in tables})


def _change(difference: "Difference") -> dict[str, object]:
    return {
        "change": "gains" if difference.gains else "loses",
        "role": difference.role,
        "action": difference.action,
        "before": difference.before,
        "after": difference.after,
        "what": list(difference.what),
        "where": {axis: list(values) for axis, values in difference.where.items()},
    }


def _sentence(difference: "Difference") -> str:
    """Return a change as one line, such as `+ support read: none -> masked: phone, email (case_open: yes)`."""
    from cartveil.guard.policy.difference import in_groups

    sign = "+" if difference.gains else "-"
    what = f": {', '.join(in_groups(difference.what))}" if difference.what else ""
    where = "; ".join(f"{axis.replace('_', ' ')}: {' or '.join(values)}" for axis, values in difference.where.items())
    line = f"{sign} {difference.role} {difference.action}: {difference.before} -> {difference.after}{what}"
    return f"{line} ({where})" if where else line
