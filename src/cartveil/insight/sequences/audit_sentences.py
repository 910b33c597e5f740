"""How a reason speaks of the columns of an audit stream, with `{value}` and `{usual}`."""

#: How long a visit is remembered.
MEMORY_DAYS = 14

WORDS = (
    (
        "visits_without_case",
        f"read the same consumer {{value}} times in {MEMORY_DAYS} days without a case; usual: {{usual}}",
    ),
    ("visits", f"came back to the same consumer {{value}} times in {MEMORY_DAYS} days; usual: {{usual}}"),
    ("rows", "read {value} rows at once; usual: {usual}"),
    ("reads_last_hour", "{value} reads within the hour before; usual: {usual}"),
    ("reads_today_against_habit", "{value} times as many reads as on a usual day; usual: {usual}"),
    ("subjects_among_last", "{value} of the last 50 reads were of different consumers; usual: {usual}"),
    ("minutes_since_last", "{value} minutes after the read before; usual: {usual}"),
    ("columns", "read the columns {value}; usual: {usual}"),
    ("case_kind", "case: {value}; usual: {usual}"),
    ("hour", "worked between {value} o'clock; usual: {usual}"),
    ("day", "worked on a {value}; usual: {usual}"),
    ("new_columns", "read columns that this actor had never read before"),
    ("new_to_role", "combined purpose, table and columns as nobody of this role had before"),
    ("case_of_another", "used a case that had been opened for another consumer"),
    ("new_device", "used a device that this actor had never used before"),
    ("new_network", "came from a network that this actor had never come from before"),
    ("step", "the subject's number is {value} from the one before; usual: {usual}"),
    ("neighbour", "the subject's number lay {value} from the one before; usual: {usual}"),
    ("device_days", "had used this device on {value} earlier days; usual: {usual}"),
    ("network_days", "had come from this network on {value} earlier days; usual: {usual}"),
    ("elsewhere", "worked in two places within half an hour: {value}; usual: {usual}"),
    ("case_turn", "worked on {value}; usual: {usual}"),
    ("case_age", "the case's number is {value} among those of new cases; usual: {usual}"),
    ("reach", "read so many consumers at once ({value}) more often than is usual in a day"),
    ("approval", "exported with this approval: {value}; usual: {usual}"),
    ("consent", "the consumer's consent: {value}; usual: {usual}"),
    ("consent_of_case", "the consent for this case: {value}; usual: {usual}"),
    ("check_before", "the check of consent before: {value}; usual: {usual}"),
    ("decision", "the answer was {value}; usual: {usual}"),
    ("rows_against_habit", "read more rows at once than is usual by {value} standard deviations; usual: {usual}"),
    ("rows_today", "read more rows in a day than is usual by {value} standard deviations; usual: {usual}"),
    ("exported_today", "exported more rows in a day than is usual by {value} standard deviations; usual: {usual}"),
    ("viewed_today", "viewed more rows in a day than is usual by {value} standard deviations; usual: {usual}"),
)
