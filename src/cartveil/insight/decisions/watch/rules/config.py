"""What each rule is set to, in one place."""

from dataclasses import dataclass

#: Names of the rules, as alerts give them.
RULES = (
    "honeytoken",
    "burst",
    "bulk",
    "off_hours",
    "dormant",
    "case_of_another",
    "export_without_approval",
    "read_after_withdrawal",
    "log_gap",
)


@dataclass(frozen=True)
class RuleConfig:
    """Parameters of the rules; a day is a calendar day of UTC plus `utc_offset`.

    Args:
        rules: Which rules are applied.
        honeytokens: Pseudonyms of made-up consumers whom nobody has a reason to read; of whole numbers, as text.
        reads: Actions that show data.
        exports: Actions that carry data out.
        approvals: Actions that permit an export.
        checks: Actions that ask for a consumer's consent; a refused one says that it was withdrawn.
        services: Roles of programs, which keep no office hours and pass on what a person exported.
        utc_offset: Hours that the office is ahead of UTC.
        day_from: Hour at which the working day begins.
        day_to: Hour at which it ends.
        off_hours_share: Share of an actor's days with work at night from which night work is their habit.
        burst_seconds: Length of a burst.
        burst_reads: Reads below which there is no burst.
        burst_times: How many times the highest of the actor's earlier days a burst must reach.
        bulk_rows: Records a day below which nothing is bulk.
        bulk_times: How many times the highest of the actor's earlier days a day must reach.
        dormant_days: Days without an entry after which an actor counts as dormant.
        case_share: Share of the cases of a kind that concern several consumers from which that is how they are used.
        approval_days: Days for which an approval holds.
        approval_share: Share of a role's earlier exports of a table that were approved from which approval is due.
        withdrawal_days: Days for which a refused check of consent is remembered.
        silence_seconds: A pause of the whole log below which nothing is missing.
        silence_times: How many times the longest earlier pause a suspicious one must reach.
        clock_seconds: How far the clock may run back between two entries.
        settled_days: Days at the beginning of the log that only teach habits.
    """

    rules: tuple[str, ...] = RULES
    honeytokens: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("read", "view", "reveal", "search", "export", "access")
    exports: tuple[str, ...] = ("export",)
    approvals: tuple[str, ...] = ("approve",)
    checks: tuple[str, ...] = ("consent_check",)
    services: tuple[str, ...] = ("service",)
    utc_offset: int = 0
    day_from: int = 6
    day_to: int = 20
    off_hours_share: float = 0.1
    burst_seconds: int = 600
    burst_reads: int = 20
    burst_times: float = 1.5
    bulk_rows: int = 100
    bulk_times: float = 1.5
    dormant_days: int = 30
    case_share: float = 0.1
    approval_days: int = 14
    approval_share: float = 0.5
    withdrawal_days: int = 30
    silence_seconds: int = 6 * 3600
    silence_times: float = 3.0
    clock_seconds: int = 300
    settled_days: int = 7
