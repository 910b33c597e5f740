"""What rules found: which entry, which rule, how grave, and the evidence in words."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class RuleFindings:
    """Findings, those of one rule after those of another, in order of time within a rule.

    Args:
        place: Row of the log as it was given, (findings,).
        index: What the entry is called by, (findings,).
        rule: Name of the rule, (findings,).
        severity: 0 to 1; a rule that often fires in a role says less there, (findings,).
        evidence: Why, in plain words, without a name or value of a person, (findings,).
    """

    place: NDArray[np.int64]
    index: NDArray[np.int64]
    rule: tuple[str, ...]
    severity: NDArray[np.float64]
    evidence: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.place)

    def some(self, places: NDArray[np.int64]) -> "RuleFindings":
        """Return some of the findings."""
        rule, evidence = (tuple(words[place] for place in places) for words in (self.rule, self.evidence))
        return RuleFindings(self.place[places], self.index[places], rule, self.severity[places], evidence)

    def without(self, rule: str) -> "RuleFindings":
        """Return all findings but those of one rule."""
        return self.some(np.flatnonzero(np.array([name != rule for name in self.rule], dtype=bool)))

    def table(self) -> pa.Table:
        """Return index, rule, severity and evidence as a table."""
        return pa.table(
            {
                "index": self.index,
                "rule": pa.array(self.rule, pa.string()),
                "severity": self.severity,
                "evidence": pa.array(self.evidence, pa.string()),
            }
        )


#: The findings of no rule.
NOTHING_FOUND = RuleFindings(np.empty(0, np.int64), np.empty(0, np.int64), (), np.empty(0), ())
