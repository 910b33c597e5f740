"""What changes when one policy replaces another: who gains and who loses which view of what.

Both are asked in every world that either can tell apart; what changed is then put together into as few lines as
possible, since nobody reads ten thousand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cartveil.events.kinds import Kind, Sensitivity, View
from cartveil.guard.policy.policy import Policy
from cartveil.guard.policy.request import ROLES, Action, Question
from cartveil.guard.policy.worlds import Shape, slices_of, worlds

#: From most to least; a step to the left is a gain.
_ORDER = ("allowed", *map(str, View), "refused")

#: A box: for each axis the values that it spans.
_Box = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Difference:
    """One change.

    Args:
        role: Whose.
        action: Of what.
        before: The view before, or `allowed` or `refused` for what is asked of whole tables.
        after: The same under the new policy.
        what: Kinds, or fields where a schema was given; empty for whole tables.
        where: Axis -> its values, for each axis on which the change does not hold everywhere.
    """

    role: str
    action: str
    before: str
    after: str
    what: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]

    @property
    def gains(self) -> bool:
        """Return whether more is seen or done than before."""
        return _ORDER.index(self.after) < _ORDER.index(self.before)


def compare(old: Policy, new: Policy, *, shape: Shape | None = None) -> list[Difference]:
    """Return what changes from one policy to another, in the order of roles and actions.

    Args:
        old: Before.
        new: After.
        shape: Tables and fields to compare on; every kind if None.
    """
    return [each for role in ROLES for action in Action for each in _of_action((old, new), role, action, shape)]


def _of_action(policies: tuple[Policy, Policy], role: str, action: Action, shape: Shape | None) -> list[Difference]:
    slices = [each for policy in policies for each in slices_of(policy.answers, role, action)]
    changed: dict[tuple[str, str], list[_Box]] = {}
    domain: dict[str, set[str]] = {}
    for world in worlds(role, action, slices, shape):
        before, after = (outcomes(policy, world.question) for policy in policies)
        for axis, value in world.words:
            domain.setdefault(axis, set()).add(value)
        for what in before:
            if before[what] != after[what]:
                box = (frozenset([what]), *(frozenset([value]) for _, value in world.words))
                changed.setdefault((before[what], after[what]), []).append(box)
    return [
        _difference((role, str(action)), outcome, box, domain)
        for outcome, boxes in changed.items()
        for box in merged(boxes)
    ]


def outcomes(policy: Policy, question: Question) -> dict[str, str]:
    """Return what comes of a question: field -> view, or the empty word -> `allowed` or `refused`."""
    if question.action is Action.READ:
        return {name: str(view) for name, view in policy.answer(question).views.items()}
    if question.action is Action.REVEAL:
        answers = policy.answers.ask(question, "reveal", question.fields)
        seen = [str(View.CLEAR if answer.allowed else View.NONE) for answer in answers]
        return dict(zip([name for name, _ in question.fields], seen, strict=True))
    return {"": "allowed" if policy.answer(question).allowed else "refused"}


def merged(boxes: Iterable[_Box]) -> list[_Box]:
    """Return boxes that cover the same points: two that differ on one axis alone become one, until none do."""
    found = list(dict.fromkeys(boxes))
    # What is seen comes last: a line for more people tells more than a line for more fields.
    axes = [*range(1, len(found[0])), 0] if found else []
    count = -1
    while count != len(found):
        count = len(found)
        for axis in axes:
            found = _merged_on(axis, found)
    return found


def _merged_on(axis: int, boxes: Sequence[_Box]) -> list[_Box]:
    alike: dict[_Box, frozenset[str]] = {}
    for box in boxes:
        rest = (*box[:axis], *box[axis + 1 :])
        alike[rest] = alike.get(rest, frozenset()) | box[axis]
    return [(*rest[:axis], values, *rest[axis:]) for rest, values in alike.items()]


def _difference(
    who: tuple[str, str], outcome: tuple[str, str], box: _Box, domain: Mapping[str, set[str]]
) -> Difference:
    what, *values = box
    where = {
        axis: tuple(sorted(chosen, key=_as_number))
        for (axis, all_of_it), chosen in zip(domain.items(), values, strict=True)
        if chosen != all_of_it
    }
    return Difference(*who, *outcome, tuple(sorted(what - {""}, key=_by_kind)), where)


def in_groups(what: Sequence[str]) -> list[str]:
    """Return kinds, with the name of a group in the place of all of its kinds."""
    left, words = list(what), list[str]()
    for group in Sensitivity:
        kinds = [str(kind) for kind in Kind if kind.sensitivity is group]
        if len(kinds) > 1 and set(kinds) <= set(left):
            words.append(f"all {group}")
            left = [word for word in left if word not in kinds]
    return words + left


def _as_number(word: str) -> tuple[int, str]:
    """Order hours by number, and everything else by its letters."""
    first = word.partition("-")[0]
    return (int(first) if first.isdecimal() else -1, word)


def _by_kind(word: str) -> tuple[int, str]:
    """Order kinds as they stand in the list of kinds, and fields by their letters."""
    known = [str(kind) for kind in Kind]
    return (known.index(word) if word in known else len(known), word)
