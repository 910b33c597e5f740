"""What the platform around a vault is asked and told: is this case open, and somebody broke the glass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Takes the number of a case and a consumer's id, and says whether that case is open and about that consumer. The id is
#: empty where rows name nobody.
Cases = Callable[[str, str], bool]

#: Takes the audit entry of a reading behind broken glass, refused ones included; see `ENTRY_SCHEMA`.
Alert = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True)
class Outside:
    """The platform's two ends.

    Args:
        cases: Where it is None, whoever names a case is believed, and the case is written down.
        alert: Called when the entry is on the disk and before a key is opened. What it raises reaches the caller, and
            nothing is shown: a glass that breaks unheard stays whole.
    """

    cases: Cases | None = None
    alert: Alert | None = None
