"""Where a policy's text errs: what Cedar cannot read, what does not fit its schema, rules without a name of their own.

The same check stands before loading a policy and behind `cartveil policy check`.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass

import cedarpy

from cartveil.guard.policy.statements import Place, misread, place_of, statements

_ACTION = re.compile(r' for Action::"[^"]*"')


@dataclass(frozen=True)
class Fault:
    """Something wrong with a policy.

    Args:
        place: Line and column in its text; None where it concerns the text as a whole, or the schema.
        rule: The rule's name, where it has one.
        message: What is wrong.
    """

    place: Place | None
    rule: str | None
    message: str

    def __str__(self) -> str:
        """Return it as one line, without its place."""
        return f"rule `{self.rule}`: {self.message}" if self.rule else self.message


def find_faults(policies: str, schema: str) -> list[Fault]:
    """Return why a policy cannot be loaded; none where it can.

    Args:
        policies: Cedar's rules.
        schema: Their vocabulary, in Cedar's own form.
    """
    try:
        words = cedarpy.Schema.from_str(schema)
    except ValueError as error:
        return [Fault(None, None, f"schema is not valid: {first_line(str(error))}")]
    try:
        cedarpy.PolicySet.from_str(policies)
    except ValueError as error:
        place, problem = misread(policies) or (None, str(error))
        return [Fault(place, None, first_line(problem))]
    return _unfit(policies, words) or _unnamed(policies)


def first_line(text: str) -> str:
    """Return the first line of what Cedar says, which is all that one line of an error can hold."""
    return text.strip().splitlines()[0] if text.strip() else "unknown reason"


def _unfit(policies: str, schema: cedarpy.Schema) -> list[Fault]:
    """Return what does not fit the schema; a complaint about each of ten actions is one complaint."""
    result = cedarpy.validate_policies(policies, schema)
    if result.validation_passed:
        return []
    names, texts = result.id_annotations_by_policy_id, statements(policies)
    found: dict[tuple[str, str], None] = {}
    for error in result.errors:
        message = first_line(error.error).removeprefix(f"for policy `{error.policy_id}`, ")
        found.setdefault((error.policy_id, _ACTION.sub("", message)))
    faults = []
    for ident, message in found:
        number = ident.removeprefix("policy")
        known = number.isdecimal() and int(number) < len(texts)
        place = place_of(policies, texts[int(number)].start) if known else None
        faults.append(Fault(place, names.get(ident), f"does not fit its schema: {message}"))
    return faults or [Fault(None, None, "does not fit its schema")]


def _unnamed(policies: str) -> list[Fault]:
    parsed = json.loads(cedarpy.policies_to_json_str(policies))
    texts = statements(policies)
    if parsed.get("templates") or len(texts) != len(parsed["staticPolicies"]):
        return [Fault(None, None, "holds a template, which has no say here; write rules")]
    names = [parsed["staticPolicies"][f"policy{at}"].get("annotations", {}).get("id") or "" for at in range(len(texts))]
    places = [place_of(policies, text.start) for text in texts]
    nameless = [Fault(place, None, "a rule has no name") for name, place in zip(names, places, strict=True) if not name]
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    return nameless + [Fault(places[names.index(name)], None, f"two rules are named `{name}`") for name in twice]
