"""How well personal information is found, as the benchmark of texts reports it.

>>> from cartveil.insight.decisions.finder.examples import Example, Found, Labelled
>>> example = Example("张小伟来电", (Labelled(0, 3, "name"),))
>>> figures = measure([example], [[Found(0, 5, "name")]])
>>> figures["f1"]["name"], figures["covered_recall"]["name"]
(0.0, 1.0)
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cartveil.insight.decisions.finder.examples import Example, Found, labels_of

#: Of all labels together.
ALL = ""


def measure(examples: Sequence[Example], found: Sequence[Sequence[Found]]) -> dict[str, Any]:
    """Return how well what was found agrees with what is there.

    Args:
        examples: Texts with what is there.
        found: What was found in each; places of one label do not overlap.

    Returns:
        `f1` of exact places per label, `micro` over all and `macro`, the mean over the labels that are there;
        `covered_recall` per label and `all`: the share of places whose every character was found under that label;
        `character_recall`; `precision`, `recall` and `f2` of exact places over all.
    """
    right, told, there = Counter[str](), Counter[str](), Counter[str]()
    covered, characters, hit = Counter[str](), 0, 0
    for example, answers in zip(examples, found, strict=True):
        answered = {(each.start, each.end, each.label) for each in answers}
        reached = {(place, each.label) for each in answers for place in range(each.start, each.end)}
        told.update(label for _, _, label in answered)
        for span in example.spans:
            there[span.label] += 1
            right[span.label] += (span.start, span.end, span.label) in answered
            own = sum((place, span.label) in reached for place in range(span.start, span.end))
            covered[span.label] += own == span.end - span.start
            characters, hit = characters + span.end - span.start, hit + own
    for each in (right, told, there, covered):
        each[ALL] = sum(each.values())
    labels = labels_of(examples)
    f1 = {label: _f(right[label], told[label], there[label]) for label in labels}
    return {
        "f1": {**f1, "micro": _f(right[ALL], told[ALL], there[ALL]), "macro": _share(sum(f1.values()), len(labels))},
        "covered_recall": {
            **{label: _share(covered[label], there[label]) for label in labels},
            "all": _share(covered[ALL], there[ALL]),
        },
        "character_recall": _share(hit, characters),
        "precision": _share(right[ALL], told[ALL]),
        "recall": _share(right[ALL], there[ALL]),
        "f2": _f(right[ALL], told[ALL], there[ALL], weight=2),
    }


def false_alarms_per_1000(found: Sequence[Sequence[Found]]) -> float:
    """Return how many places were found in a thousand texts that hold none.

    Args:
        found: What was found in each of the clean texts.
    """
    return 1000 * _share(sum(map(len, found)), len(found))


def _f(right: int, told: int, there: int, *, weight: float = 1.0) -> float:
    """Return the F measure in which recall counts `weight` times as much as precision (van Rijsbergen 1979)."""
    return _share((1 + weight**2) * right, told + weight**2 * there)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
