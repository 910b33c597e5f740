"""Who asks and what is asked for, as Cedar knows them: entities, each described once.

Rules cannot tell two fields of one kind and table apart, nor two users of one role and the same attributes, unless they
name one. So those whom no rule names share a description, and a new user costs no more than a new role.
"""

import json
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

import cedarpy

from cartveil.events.kinds import Kind
from cartveil.guard.policy.request import Question

#: A field that is asked for, by name and kind; None stands for the table as a whole.
Field = tuple[str, Kind] | None

_REMEMBERED = 1024

Uid = dict[str, str]


class Descriptions:
    """Describe users and fields, and remember it.

    Args:
        schema: Cedar's vocabulary.
        words: Every text that stands in a rule: whom it could name.
    """

    def __init__(self, schema: cedarpy.Schema, words: Collection[str]) -> None:
        self._schema = schema
        self._words = words
        self._anybody = _unnamed("anybody", words)
        self._tables: Callable[[str, str], cedarpy.Entities] = lru_cache(maxsize=_REMEMBERED)(self._of_table)
        self._known: Callable[..., cedarpy.Entities] = lru_cache(maxsize=_REMEMBERED)(self._of_user)

    def principal(self, question: Question) -> Uid:
        """Return what Cedar calls the one who asks."""
        return {"type": "User", "id": question.name if question.name in self._words else self._anybody}

    def resource(self, question: Question, field: Field) -> Uid:
        """Return what Cedar calls a field, or its table."""
        if field is None:
            return {"type": "Table", "id": question.table}
        name, kind = field
        own = f"{question.table}.{name}"
        return {"type": "Field", "id": own if own in self._words else f"{self._anybody} {kind}"}

    def entities(self, question: Question, fields: Iterable[Field]) -> cedarpy.Entities | None:
        """Return all that Cedar has to know of a question; None where the schema does not know such things."""
        named = frozenset(
            field for field in fields if field is not None and f"{question.table}.{field[0]}" in self._words
        )
        try:
            return self._known(
                self.principal(question)["id"],
                question.role,
                question.attributes,
                question.table,
                question.circumstances.region,
                named,
            )
        except ValueError:
            return None

    def _of_user(
        self,
        name: str,
        role: str,
        attributes: tuple[tuple[str, str], ...],
        table: str,
        region: str,
        named: frozenset[Any],
    ) -> cedarpy.Entities:
        user = {
            "uid": {"type": "User", "id": name},
            "attrs": dict(attributes),
            "parents": [{"type": "Role", "id": role}],
        }
        fields = [_field({"type": "Field", "id": f"{table}.{field}"}, kind, table, region) for field, kind in named]
        return self._tables(table, region).with_added_json_str(json.dumps([user, *fields]), self._schema)

    def _of_table(self, table: str, region: str) -> cedarpy.Entities:
        """Return kinds, groups, a table, and a field of each kind that belongs to it."""
        own = {"uid": {"type": "Table", "id": table}, "attrs": {}, "parents": []}
        fields = [_field({"type": "Field", "id": f"{self._anybody} {kind}"}, kind, table, region) for kind in Kind]
        return cedarpy.Entities.from_json_str(json.dumps([own, *fields, *kind_entities()]), self._schema)


def kind_entities() -> list[dict[str, Any]]:
    """Return kinds and the groups they belong to."""
    groups = sorted({kind.sensitivity for kind in Kind})
    described: list[dict[str, Any]] = [
        {"uid": {"type": "Group", "id": str(group)}, "attrs": {}, "parents": []} for group in groups
    ]
    for kind in Kind:
        group = {"type": "Group", "id": str(kind.sensitivity)}
        described.append({"uid": {"type": "Kind", "id": str(kind)}, "attrs": {}, "parents": [group]})
    return described


def _field(uid: Uid, kind: Kind, table: str, region: str) -> dict[str, Any]:
    parents = [{"type": "Kind", "id": str(kind)}, {"type": "Table", "id": table}]
    return {"uid": uid, "attrs": {"region": region} if region else {}, "parents": parents}


def _unnamed(name: str, words: Collection[str]) -> str:
    """Return a name that no rule can mean, not even as the beginning of another."""
    while any(word.startswith(name) for word in words):
        name += "_"
    return name
