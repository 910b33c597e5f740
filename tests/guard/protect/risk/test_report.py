import json
from dataclasses import replace

import pyarrow as pa
import pytest

from cartveil.errors import RefusedError
from cartveil.events.limits import Limits
from cartveil.events.schema import parse_schema
from cartveil.guard.protect.appraisal import appraise_events, appraise_table
from cartveil.guard.protect.plan import protect_and_tell, protect_events
from cartveil.guard.protect.risk import ReleaseReport, Study, refuse_above
from cartveil.guard.protect.steps import Scope

SCHEMA = parse_schema(
    """
    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    order = { kind = "order_id", role = "order" }
    item = { kind = "product", role = "item" }
    paid = { kind = "event_time", role = "time" }
    price = { kind = "amount", role = "amount" }
    country = "region"
    name = "person_name"
    """
).tables[0]

SCOPE = Scope("recommendation", "lab")
DAY = 86_400_000_000


def orders() -> pa.Table:
    """a and b live alike, c is alone; one row is nobody's."""
    rows = [(who, item) for who in "abc" for item in ("tea", "cup", "pot", "hat" if who == "c" else "pen")]
    table = pa.table(
        {
            "customer": [who for who, _ in rows],
            "order": [f"{who}1" for who, _ in rows],
            "item": [item for _, item in rows],
            "paid": pa.array([place % 4 * DAY for place in range(12)], pa.timestamp("us")),
            "price": [float(place) for place in range(12)],
            "country": ["FR" if who == "c" else "GB" for who, _ in rows],
            "name": ["Ann Lee"] * 12,
        }
    )
    nobody = pa.table({name: table[name].slice(0, 1) for name in table.column_names})
    return pa.concat_tables([table, nobody.set_column(0, "customer", pa.nulls(1, pa.string()))])


def reported(derive, *, limits: Limits | None = None, study: Study | None = None) -> ReleaseReport:  # type: ignore[no-untyped-def]
    events = protect_events(orders(), SCHEMA, derive=derive, scope=SCOPE)
    return appraise_events(orders(), events, SCHEMA, limits=limits or Limits(), study=study or Study())


def test_a_release_is_measured_by_people_not_rows(derive) -> None:  # type: ignore[no-untyped-def]
    report = reported(derive)
    assert (report.rows, report.consumers, report.quasi_columns, report.k) == (12, 3, ("country",), 1)
    two, four = report.unicity
    # Of c's six pairs three hold the hat; drawn by the seed, c is found or not, a and b never.
    assert (two.points, four.points) == (2, 4)
    assert two.share in (0.0, 1 / 3)
    assert four.share == 1 / 3
    assert [one.share for one in report.linkability] == [1 / 3, 1 / 3]


def test_what_was_lost_is_told_per_column(derive) -> None:  # type: ignore[no-untyped-def]
    report = reported(derive)
    assert report.links_kept == {"customer": 1.0, "order": 1.0}
    assert set(report.changes) == {"item", "paid", "price", "country"}
    assert (report.changes["item"].value, report.changes["country"].value) == (0.0, 0.0)
    assert report.changes["price"].measure == "KS"
    assert report.next_item == {}


def test_the_score_sees_the_history_before_and_after(derive) -> None:  # type: ignore[no-untyped-def]
    seen = []

    def score(history: pa.Table) -> float | None:
        seen.append(history)
        return 0.5 - 0.25 * (len(seen) - 1)

    assert reported(derive, study=Study(score=score)).next_item == {"before": 0.5, "after": 0.25}
    before, after = seen
    assert before.column_names == after.column_names == ["subject", "time", "item"]
    assert before.num_rows == after.num_rows == 12
    assert set(before["subject"].to_pylist()) == {"a", "b", "c"}
    assert reported(derive, study=Study(score=lambda _: None)).next_item == {}


def test_l_of_the_columns_that_limits_name(derive) -> None:  # type: ignore[no-untyped-def]
    assert reported(derive, limits=Limits(l=2, sensitive=("item", "gone"))).l == {"item": 4}


def test_a_report_is_the_same_again_and_goes_into_json(derive) -> None:  # type: ignore[no-untyped-def]
    report = reported(derive, study=Study(seed=7))
    assert report == reported(derive, study=Study(seed=7))
    written = json.loads(json.dumps(report.to_dict()))
    assert (written["seed"], written["unicity"][1]["asked"]) == (7, 3)
    text = "\n".join(report.in_words())
    assert "seed 7" in text
    assert "smallest group alike in country: 1 people" in text
    assert not any(value in text for value in ("tea", "Ann", "a1"))


def test_a_protected_table_is_measured_under_the_names_of_events(derive) -> None:  # type: ignore[no-untyped-def]
    schema = replace(SCHEMA, k=2)
    released, anonymity = protect_and_tell(orders(), schema, derive=derive, scope=SCOPE)
    report = appraise_table(orders(), released, schema, limits=Limits(), study=Study(), anonymity=anonymity)
    # c has a country of their own, which no star hides; the row that is nobody's counts as one person.
    assert (report.quasi_columns, report.k, report.suppressed, report.rows) == (("country",), 3, 4, 9)
    assert report.links_kept["customer"] == pytest.approx(32 / 48)
    assert len(report.unicity) == 2


def test_without_consumers_there_is_no_history_to_find(derive) -> None:  # type: ignore[no-untyped-def]
    events = protect_events(orders(), SCHEMA, derive=derive, scope=Scope("forecast", "lab"), subjects="none")
    report = appraise_events(orders(), events, SCHEMA, limits=Limits(), study=Study())
    assert (report.consumers, report.unicity, report.linkability, report.k) == (0, (), (), 4)
    refuse_above(report, Limits(unicity_4=0.0, linkability=0.0), path="orders")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(k=2), "k is 1; the schema's limit is at least 2"),
        (Limits(l=5, sensitive=("item",)), "l of `item` is 4; the schema's limit is at least 5"),
        (
            Limits(unicity_4=0.3),
            "4 known purchases pick out 33.3% of the consumers; the schema's limit is at most 30.0%",
        ),
        (Limits(linkability=0.1), "33.3% of the consumers have a history of their own"),
    ],
)
def test_above_a_limit_is_refused_with_measure_value_limit_and_hint(derive, limits: Limits, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RefusedError, match=said) as caught:
        refuse_above(reported(derive, limits=limits), limits, path="orders")
    assert caught.value.path == "orders"
    assert caught.value.hint.startswith("try ")


def test_too_many_rows_left_out_are_refused(derive) -> None:  # type: ignore[no-untyped-def]
    report = replace(reported(derive), suppressed=1)
    refuse_above(report, Limits(suppressed=0.08), path="orders")
    with pytest.raises(RefusedError, match=r"7\.7% of the rows had to be left out"):
        refuse_above(report, Limits(suppressed=0.07), path="orders")


@pytest.mark.parametrize("limits", [Limits(), Limits(k=1), Limits(unicity_2=1 / 3, unicity_4=1 / 3, linkability=1 / 3)])
def test_at_the_limit_it_may_leave(derive, limits: Limits) -> None:  # type: ignore[no-untyped-def]
    refuse_above(reported(derive, limits=limits), limits, path="orders")
