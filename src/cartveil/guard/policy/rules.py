"""A policy's text: read, checked against its schema, parsed once.

Cedar skips a forbid rule that errors, and an unchecked rule can err; so a policy without a schema is not loaded, and
every rule is validated before the first question.
"""

import json
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import cedarpy

from cartveil.errors import ReadError, SchemaError
from cartveil.events.kinds import Kind


@dataclass(frozen=True)
class Rules:
    """Parsed handles of one policy."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    entities: cedarpy.Entities
    names: tuple[str, ...]


def load_rules(path: Path | None) -> Rules:
    """Read and check a policy.

    Args:
        path: A `.cedar` file with a `.cedarschema` of the same name beside it; the shipped one if None.

    Raises:
        ReadError: One of the two files is missing.
        SchemaError: A rule does not fit the schema, or has no `@id` of its own.
    """
    shipped: Traversable = files("cartveil.guard.policy") / "retail.cedar"
    file = shipped if path is None else path
    beside = files("cartveil.guard.policy") / "retail.cedarschema" if path is None else path.with_suffix(".cedarschema")
    policies = _read(file, hint="name a `.cedar` file")
    schema = _read(beside, hint="a policy needs its schema beside it, with the ending `.cedarschema`")
    return parse_rules(policies, schema, name=str(path or "retail.cedar"))


def parse_rules(policies: str, schema: str, *, name: str) -> Rules:
    """Check the text of a policy; see `load_rules`."""
    try:
        parsed_schema = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        raise SchemaError(f"schema is not valid: {_first_line(str(error))}", path=name) from None
    result = cedarpy.validate_policies(policies, parsed_schema)
    if not result.validation_passed:
        reasons = "; ".join(_first_line(problem.error) for problem in result.errors) or "rules do not fit the schema"
        raise SchemaError(f"does not fit its schema: {reasons}", path=name)
    try:
        return Rules(
            policies=cedarpy.PolicySet.from_str(policies),
            schema=parsed_schema,
            entities=cedarpy.Entities.from_json_str(json.dumps(_kinds()), parsed_schema),
            names=_names(policies, path=name),
        )
    except ValueError as error:
        raise SchemaError(f"schema lacks words that Cartveil asks with: {_first_line(str(error))}", path=name) from None


def _kinds() -> list[dict[str, object]]:
    """Return the entities that never change: kinds and the groups they belong to."""
    groups = sorted({kind.sensitivity for kind in Kind})
    entities: list[dict[str, object]] = [_entity("Group", str(group)) for group in groups]
    entities += [_entity("Kind", str(kind), parents=[("Group", str(kind.sensitivity))]) for kind in Kind]
    return entities


def _entity(kind: str, name: str, *, parents: list[tuple[str, str]] | None = None) -> dict[str, object]:
    links = [{"type": parent, "id": ident} for parent, ident in parents or []]
    return {"uid": {"type": kind, "id": name}, "attrs": {}, "parents": links}


def _names(policies: str, *, path: str) -> tuple[str, ...]:
    parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    names = [policy.get("annotations", {}).get("id") or "" for policy in parsed.values()]
    if "" in names:
        raise SchemaError("a rule has no name", path=path, hint='write `@id("...")` before each rule')
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise SchemaError(f"two rules are named `{twice[0]}`", path=path)
    return tuple(sorted(names))


def _read(file: Traversable, *, hint: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReadError("no such file", path=str(file), hint=hint) from None
    except (OSError, UnicodeDecodeError):
        raise ReadError("cannot be read as UTF-8 text", path=str(file)) from None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "unknown reason"
