"""The report that goes with a release: what is known of its risk, and what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from cartveil.guard.protect.risk.linkability import Linkability, linkability
from cartveil.guard.protect.risk.reidentification import diversity, risk
from cartveil.guard.protect.risk.unicity import Unicity, points_of, unicity
from cartveil.guard.protect.risk.utility import Change, Score

#: Known purchases that a report asks about.
KNOWN = (2, 4)

#: How exactly an acquaintance knows when something was bought; and how coarsely two releases are laid side by side.
KNOWN_WIDTH, LINKED_WIDTH = "1d", "7d"

_HISTORY = frozenset({"subject", "time", "item"})


@dataclass(frozen=True)
class Study:
    """How a report is made.

    Args:
        seed: Draws the consumers asked and their known purchases.
        sample: Ask at most so many consumers.
        width: How exactly the times of known purchases are known.
        score: Says how well the next item can be guessed from `subject`, `time` and `item`; left out where None.
    """

    seed: int = 0
    sample: int = 10_000
    width: str = KNOWN_WIDTH
    score: Score | None = None


@dataclass(frozen=True)
class ReleaseReport:
    """What a release gives away, and what it lost.

    Args:
        rows: Rows of the release.
        consumers: Consumers that it tells apart; 0 where it does not.
        quasi_columns: Columns by which a person may be looked up with outside knowledge.
        k: People of the smallest group alike in these; None where there is no such column.
        l: Per sensitive column the least different values in such a group.
        suppressed: Rows left out to reach the k of the schema.
        unicity: What two and four known purchases pick out.
        linkability: Who is found again in another release of the same rows, by weeks and items, and by items alone.
        links_kept: Per key column the share of the links between rows that is left, within the release or to others.
        changes: Per column how far its distribution moved.
        next_item: NDCG at ten of a plain next-item scorer, `before` and `after`; empty where none was asked.
        seed: Of the samples.
    """

    rows: int
    consumers: int
    quasi_columns: tuple[str, ...]
    k: int | None
    l: Mapping[str, int]  # noqa: E741 - the field's own name for it
    suppressed: int
    unicity: tuple[Unicity, ...]
    linkability: tuple[Linkability, ...]
    links_kept: Mapping[str, float]
    changes: Mapping[str, Change]
    next_item: Mapping[str, float]
    seed: int

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        return asdict(self)

    def in_words(self) -> tuple[str, ...]:
        """Return the short form: one line for each thing that matters."""
        return tuple(line for line in (*self._risks(), *self._losses()) if line)

    def _risks(self) -> list[str]:
        quasi = ", ".join(self.quasi_columns)
        least = f"smallest group alike in {quasi}: {self.k:,} people" if self.k is not None else ""
        lines = [least or "no column narrows people down", *(f"l of {name}: {least}" for name, least in self.l.items())]
        lines += [f"{self.suppressed:,} rows left out to hide the rest" if self.suppressed else ""]
        lines += [
            f"{one.points} known purchases ({one.width or 'items alone'}) pick out {one.share:.1%} of the consumers "
            f"with so many (asked {one.asked:,} of {one.able:,}, seed {self.seed})"
            for one in self.unicity
        ]
        lines += [
            f"another release of these rows finds {one.share:.1%} of the consumers again by "
            f"{f'items and times of {one.width}' if one.width else 'items alone'}"
            for one in self.linkability
        ]
        return lines

    def _losses(self) -> list[str]:
        kept = ", ".join(f"{name} {share:.1%}" for name, share in self.links_kept.items())
        moved = ", ".join(f"{name} {one.measure} {one.value:.3f}" for name, one in self.changes.items())
        before, after = self.next_item.get("before"), self.next_item.get("after")
        learned = f"next item NDCG@10 {before:.4f} before, {after:.4f} after" if before and after is not None else ""
        return [f"links kept: {kept}" if kept else "", f"changed: {moved}" if moved else "", learned]


@dataclass(frozen=True)
class Asked:
    """What a release is asked about.

    Args:
        quasi: Columns by which people may be looked up.
        sensitive: Columns whose values must differ within a group of look-alikes.
        suppressed: Rows left out before.
        links_kept: See `ReleaseReport`.
        changes: See `ReleaseReport`.
        before: The history before protection, for the scorer.
    """

    quasi: Sequence[str] = ()
    sensitive: Sequence[str] = ()
    suppressed: int = 0
    links_kept: Mapping[str, float] | None = None
    changes: Mapping[str, Change] | None = None
    before: pa.Table | None = None


def report_on(release: pa.Table, asked: Asked, study: Study) -> ReleaseReport:
    """Measure a release.

    Args:
        release: As it would leave; with `subject`, `item` and `time` its histories are measured too.
        asked: What to look at besides.
        study: How.

    Guarantees:
        - The same release, question and study give the same report.
    """
    names = set(release.column_names)
    quasi = tuple(name for name in asked.quasi if name in names)
    subjects = release["subject"] if "subject" in names else None
    histories = names >= _HISTORY
    return ReleaseReport(
        rows=release.num_rows,
        consumers=0 if subjects is None else len(subjects.unique()),
        quasi_columns=quasi,
        k=risk(release, quasi, subjects=subjects).smallest if quasi else None,
        l={name: diversity(release, quasi, sensitive=name) for name in asked.sensitive if name in names},
        suppressed=asked.suppressed,
        unicity=_unicity(release, study) if histories else (),
        linkability=_linkability(release, study) if histories else (),
        links_kept=dict(asked.links_kept or {}),
        changes=dict(asked.changes or {}),
        next_item=_scores(asked.before, release, study.score) if histories else {},
        seed=study.seed,
    )


def _unicity(release: pa.Table, study: Study) -> tuple[Unicity, ...]:
    rng = np.random.default_rng(study.seed)
    points = points_of(release, width=study.width)
    return unicity(points, known=KNOWN, width=study.width, rng=rng, sample=study.sample)


def _linkability(release: pa.Table, study: Study) -> tuple[Linkability, ...]:
    return tuple(linkability(release, release, width=width, seed=study.seed) for width in (LINKED_WIDTH, ""))


def _scores(before: pa.Table | None, release: pa.Table, score: Score | None) -> dict[str, float]:
    if score is None or before is None:
        return {}
    found = {"before": score(before), "after": score(release.select(before.column_names))}
    return {name: value for name, value in found.items() if value is not None}
