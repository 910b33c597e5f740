"""Which day a moment belongs to: days are those of UTC, whatever zone a log is written in."""

from datetime import UTC, date, datetime


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; a naive one is taken as such."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def day_of(moment: datetime) -> date:
    """Return the day of a moment."""
    return in_utc(moment).date()
