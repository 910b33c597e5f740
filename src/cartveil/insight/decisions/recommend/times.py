"""Moments as days since 1970, the clock of `sequences`."""

from datetime import UTC, datetime

_SECONDS_A_DAY = 86_400.0


def day_of(moment: datetime) -> float:
    """Return days since 1970; a moment without a time zone is taken as it stands."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / _SECONDS_A_DAY


def moment_of(day: float) -> str:
    """Return days since 1970 as an ISO date and time."""
    return datetime.fromtimestamp(day * _SECONDS_A_DAY, UTC).strftime("%Y-%m-%dT%H:%M:%S")
