"""Mutants that do what the code does, whatever is asked of it: no test could tell them, and why.

A mutant is a line that was and the line that it became. Each stands here by its text, not by its number, so that the
list stays true when the code around it moves.
"""

import re

#: Where the case of letters may change and nobody could tell, and why.
CASELESS = (
    (r"[\"'](utf-8|ascii)[\"']", "the case of a codec's name says nothing"),
    (r'"[a-z ]+"\)\.lower\(\)', "the text is written in small letters anyway"),
    (r'\.insert\("[a-z_]+", (\("[a-z_", ]+\)|columns)|columns = \("[a-z_", ]+\)', "SQL does not care for case"),
)

#: What may be said otherwise, or left out, at the end of a call, and why nobody could tell.
ALIKE = (
    (
        r"(?<=zip\()(.*), (strict=(True|False|None))?(?=\))",
        r"\1",
        "both sides come from one list: nothing is left over",
    ),
    (r", (\"big\")?(?=\))", "", "the order of bytes is big-endian unless another is named"),
    (r"lru_cache\(maxsize=\w+\)", "lru_cache", "how much is remembered changes no answer"),
    (r'(?i)"(XX)?probe(XX)?"', '"probe"', "any name will do"),
    (r"(ensure_ascii|allow_nan|ignore_errors)=(False|None)", r"\1", "None is as false as False"),
)

_SOMEBODY = 'return Question("somebody", role, tuple(sorted(attributes.items())), action, {}, words["purpose"], now)'

#: Lines of which nobody could tell what they became from what they were, and why.
LISTED = {
    (
        "note = sign_checkpoint(Checkpoint(origin, size, self.root(size), time), sign, public_key=public_key)",
        "note = sign_checkpoint(Checkpoint(origin, size, self.root(None), time), sign, public_key=public_key)",
    ): "inside a transaction a log has one size",
    ("size = parse_checkpoint(note).size", "size = None"): "inside a transaction a log has one size",
    (
        "proof = encoded_proof(room.log.prove_inclusion(index, size))",
        "proof = encoded_proof(room.log.prove_inclusion(index, None))",
    ): "inside a transaction a log has one size",
    (
        "proof = encoded_proof(room.log.prove_inclusion(index, size))",
        "proof = encoded_proof(room.log.prove_inclusion(index, ))",
    ): "inside a transaction a log has one size",
    (
        "people = {lookup: each.number for lookup, each in find_many(room, list(before)).items()} if before else {}",
        "people = {lookup: each.number for lookup, each in find_many(room, list(before)).items()} "
        "if (before) or True else {}",
    ): "who asks for nobody finds nobody",
    (
        'held = held_rows(room, people) if any(each.state == "kept" for each in before.values()) else {}',
        'held = held_rows(room, people) if (any(each.state == "kept" for each in before.values())) or True else {}',
    ): "what is held is looked at only where something is kept",
    (
        "answers = self._answers.ask(question, action, hopeful) if hopeful else []",
        "answers = self._answers.ask(question, action, hopeful) if (hopeful) or True else []",
    ): "who asks about nothing is told nothing",
    (
        "return self._every_view(question) if risky else []",
        "return self._every_view(question) if (risky) or True else []",
    ): "it takes longer and comes to the same",
    ("end = 0", "end = None"): "it is set before it is read",
    ("end = 0", "end = 1"): "it is set before it is read",
    ("number = numbers.get(case.lookup, -1)", "number = numbers.get(case.lookup, None)"): "a number that nobody has",
    ("number = numbers.get(case.lookup, -1)", "number = numbers.get(case.lookup, )"): "a number that nobody has",
    ("number = numbers.get(case.lookup, -1)", "number = numbers.get(case.lookup, -2)"): "a number that nobody has",
    ('written = progress.pop("mark", "")', 'written = progress.pop("mark", None)'): "no mark is ever so",
    ('written = progress.pop("mark", "")', 'written = progress.pop("mark", "XXXX")'): "no mark is ever so",
    ('return b"", 0', 'return b"XXXX", 0'): "where nothing was found, nobody looks at what was read",
    (
        _SOMEBODY.format('"", ()'),
        _SOMEBODY.format("None, ()"),
    ): "table and fields are put in their place by who calls it",
    (
        _SOMEBODY.format('"", ()'),
        _SOMEBODY.format('"", None'),
    ): "table and fields are put in their place by who calls it",
    (
        _SOMEBODY.format('"", ()'),
        _SOMEBODY.format('"XXXX", ()'),
    ): "table and fields are put in their place by who calls it",
    ("count = -1", "count = +1"): "one box has nothing to be merged with",
    ("count = -1", "count = None"): "any number that is no length of a list",
    ("count = -1", "count = -2"): "any number that is no length of a list",
    ("shared: dict[str, Any] = {}", "shared: dict[str, Any] = None"): "both are empty",
    (
        'policies = {"staticPolicies": {"rule": document}, "templates": {}, "templateLinks": []}',
        'policies = {"staticPolicies": {"XXruleXX": document}, "templates": {}, "templateLinks": []}',
    ): "the name is not part of the text that comes out",
    (
        'policies = {"staticPolicies": {"rule": document}, "templates": {}, "templateLinks": []}',
        'policies = {"staticPolicies": {"RULE": document}, "templates": {}, "templateLinks": []}',
    ): "the name is not part of the text that comes out",
}


def why_equivalent(old: str, new: str) -> str | None:
    """Return why nobody could tell a changed line from the one that was; None where somebody could."""
    if old == new:
        return None  # not a change that was read
    for pattern, reason in CASELESS:
        apart = [re.sub(pattern, "", line, flags=re.IGNORECASE) for line in (old, new)]
        if old.lower() == new.lower() and apart[0] == apart[1]:
            return reason
    for pattern, kept, reason in ALIKE:
        if re.sub(pattern, kept, old) == re.sub(pattern, kept, new):
            return reason
    return LISTED.get((old, new))
