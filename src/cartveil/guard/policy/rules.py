"""A policy's text: read, checked against its schema, parsed once.

Cedar skips a forbid rule that errors, and an unchecked rule can err; so a policy without a schema is not loaded, and
every rule is validated before the first question.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import cedarpy

from cartveil.errors import ReadError, SchemaError
from cartveil.guard.policy.entities import kind_entities
from cartveil.guard.policy.faults import Fault, find_faults, first_line
from cartveil.guard.policy.slices import Rule, groups_actions
from cartveil.guard.policy.statements import statements


@dataclass(frozen=True)
class Rules:
    """One policy: parsed as a whole, and rule by rule in the order of its text."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    each: tuple[Rule, ...]
    grouped_actions: bool


def load_rules(path: Path | None) -> Rules:
    """Read and check a policy.

    Args:
        path: A `.cedar` file with a `.cedarschema` of the same name beside it; the shipped one if None.

    Raises:
        ReadError: One of the two files is missing.
        SchemaError: A rule does not fit the schema, or has no `@id` of its own.
    """
    name, policies, schema = read_rules(path)
    return parse_rules(policies, schema, name=name)


def read_rules(path: Path | None) -> tuple[str, str, str]:
    """Return a policy's name, its text and the text of its schema, unchecked; see `load_rules`."""
    shipped: Traversable = files("cartveil.guard.policy") / "retail.cedar"
    file = shipped if path is None else path
    beside = files("cartveil.guard.policy") / "retail.cedarschema" if path is None else path.with_suffix(".cedarschema")
    policies = _read(file, hint="name a `.cedar` file")
    schema = _read(beside, hint="a policy needs its schema beside it, with the ending `.cedarschema`")
    return str(path or "retail.cedar"), policies, schema


def parse_rules(policies: str, schema: str, *, name: str) -> Rules:
    """Check the text of a policy; see `load_rules`."""
    faults = find_faults(policies, schema)
    if faults:
        place = "" if faults[0].place is None else f":{faults[0].place}"
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise SchemaError(f"{faults[0]}{more}", path=f"{name}{place}", hint=_hint(faults[0]))
    parsed_schema = cedarpy.Schema.from_str(schema)
    try:
        cedarpy.Entities.from_json_str(json.dumps(kind_entities()), parsed_schema)
    except ValueError as error:
        raise SchemaError(f"schema lacks words that Cartveil asks with: {first_line(str(error))}", path=name) from None
    return Rules(cedarpy.PolicySet.from_str(policies), parsed_schema, _each(policies), groups_actions(schema))


def _hint(fault: Fault) -> str:
    return 'write `@id("...")` before each rule' if "no name" in fault.message else "see `cartveil policy check FILE`"


def _each(policies: str) -> tuple[Rule, ...]:
    """Return the rules of a text without faults, in its order; Cedar numbers them so."""
    parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    documents = [parsed[f"policy{place}"] for place in range(len(parsed))]
    return tuple(
        Rule(document["annotations"]["id"], document["effect"] == "permit", text.text, text.start, document)
        for text, document in zip(statements(policies), documents, strict=True)
    )


def _read(file: Traversable, *, hint: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReadError("no such file", path=str(file), hint=hint) from None
    except (OSError, UnicodeDecodeError):
        raise ReadError("cannot be read as UTF-8 text", path=str(file)) from None
