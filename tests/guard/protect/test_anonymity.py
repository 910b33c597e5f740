import json
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError, RefusedError
from cartveil.events.schema import Table, parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.anonymity import ANY, anonymise_k
from cartveil.guard.protect.plan import protect_events, protect_table
from cartveil.guard.protect.steps import Scope

SCHEMA = """
[tables.people]
{k}
[tables.people.columns]
id = {{ kind = "user_id", role = "subject" }}
home = {{ kind = "address", release = {{ method = "generalise", level = "district" }} }}
born = {{ kind = "birth_date", release = {{ method = "bucket", width = "5y" }} }}
sex = "gender"
code = "postcode"
seen = {{ kind = "ip_address" }}
phone = "phone"
paid = "amount"
"""

XIHU, GONGSHU = "浙江省杭州市西湖区文三路1号", "浙江省杭州市拱墅区1号"
NINGBO, SHENZHEN = "浙江省宁波市海曙区1号", "广东省深圳市南山区1号"


def schema(k: int | None = None) -> Table:
    return parse_schema(SCHEMA.format(k="" if k is None else f"k = {k}")).tables[0]


def people(rows: list[tuple[str | None, str | None, str | None]]) -> pa.Table:
    return pa.table(
        {
            "id": [f"u{number}" for number in range(len(rows))],
            "home": pa.array([home for home, _, _ in rows], pa.string()),
            "born": pa.array([born for _, born, _ in rows], pa.string()),
            "sex": pa.array([sex for _, _, sex in rows], pa.string()),
            "paid": [1.0] * len(rows),
        }
    )


QUASI = ("home", "born", "sex")


def groups(table: pa.Table) -> Counter[tuple[object, ...]]:
    return Counter(zip(*(table[name].to_pylist() for name in QUASI), strict=True))


def test_who_is_among_k_keeps_the_district_and_only_the_others_go_up() -> None:
    rows = [(XIHU, "1981-01-01", "f")] * 3 + [(GONGSHU, "1981-01-01", "f")] * 2 + [(NINGBO, "1981-01-01", "f")] * 1
    table, report = anonymise_k(people(rows), schema(), k=3)
    assert groups(table) == {("浙江省杭州市西湖区", "1980-1984", "f"): 3, ("浙江省", "1980-1984", "f"): 3}
    assert report.levels["home"] == {"generalise level=district": 3, "generalise level=province": 3}
    assert (report.suppressed, report.smallest, report.rows) == (0, 3, 6)


def test_ages_go_from_five_years_to_ten_to_twenty() -> None:
    born = ["1980-05-05", "1987-01-01", "1996-01-01", "1991-07-07"]
    table, _ = anonymise_k(people([(XIHU, day, "f") for day in born]), schema(), k=2)
    assert table["born"].to_pylist() == ["1980-1989", "1980-1989", "1990-1999", "1990-1999"]
    table, _ = anonymise_k(people([(XIHU, day, "f") for day in born]), schema(), k=4)
    assert table["born"].to_pylist() == ["1980-1999"] * 4


def test_who_is_alone_even_under_stars_is_left_out_and_counted() -> None:
    rows = [(XIHU, "1981-01-01", "f")] * 40 + [(SHENZHEN, None, None)]
    table, report = anonymise_k(people(rows), schema(), k=5)
    assert (table.num_rows, report.suppressed) == (40, 1)
    assert table.column_names == ["id", "home", "born", "sex", "paid"]
    assert json.loads(json.dumps(report.to_dict()))["suppressed"] == 1


def test_too_many_left_out_is_refused_without_a_value() -> None:
    rows = [(XIHU, "1981-01-01", "f")] * 3 + [(SHENZHEN, "1931-01-01", "m")]
    with pytest.raises(RefusedError, match=r"25\.0% of the rows") as caught:
        anonymise_k(people(rows), schema(), k=3)
    assert caught.value.path == "people"
    assert anonymise_k(people(rows), schema(), k=3, most_suppressed=0.3)[1].suppressed == 1


def test_rows_of_one_consumer_are_one_person() -> None:
    table = people([(XIHU, "1981-01-01", "f")] * 4 + [(NINGBO, "1981-01-01", "f")])
    table = table.set_column(0, "id", pa.array(["a", "a", "a", "b", "c"]))
    left, report = anonymise_k(table, schema(), k=3)
    assert left["home"].to_pylist() == ["浙江省"] * 5
    assert report.smallest == 3


def test_a_schema_that_already_releases_cities_never_gives_districts() -> None:
    text = SCHEMA.replace('level = "district"', 'level = "city"').format(k="")
    rows = [(XIHU, "1981-01-01", "f")] * 3 + [(GONGSHU, "1981-01-01", "f")] * 3
    table, _ = anonymise_k(people(rows), parse_schema(text).tables[0], k=2)
    assert set(table["home"].to_pylist()) == {"浙江省杭州市"}


def test_every_sort_of_quasi_column_climbs_to_stars() -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "home": [XIHU, SHENZHEN],
            "born": ["1931-01-01", None],
            "sex": ["f", "m"],
            "code": ["310000", "518000"],
            "seen": ["203.0.113.9", "198.51.100.7"],
        }
    )
    left, report = anonymise_k(table, schema(), k=2)
    assert (
        left.drop_columns("id").to_pylist()
        == [{"home": left["home"][0].as_py(), "born": ANY, "sex": ANY, "code": ANY, "seen": ANY}] * 2
    )
    assert left["home"][0].as_py() in ("CN", ANY)
    assert report.suppressed == 0


def test_nothing_that_leaves_narrows_people_down() -> None:
    described = parse_schema('[tables.t.columns]\nid = "user_id"\npaid = "amount"').tables[0]
    table = pa.table({"id": ["a", "b"], "paid": [1, 2]})
    left, report = anonymise_k(table, described, k=5)
    assert left.equals(table)
    assert report.levels == {}


@pytest.mark.parametrize("k", [1, 0, -3, True])
def test_a_k_that_hides_nobody_is_refused(k: int) -> None:
    with pytest.raises(InputError):
        anonymise_k(people([]), schema(), k=k)


def test_an_empty_table_passes() -> None:
    table, report = anonymise_k(people([]), schema(), k=5)
    assert (table.num_rows, report.smallest, report.suppressed) == (0, 0, 0)


homes = st.none() | st.sampled_from([XIHU, GONGSHU, NINGBO, SHENZHEN, "nowhere", "10 Downing Street, London SW1A 2AA"])
births = st.none() | st.integers(1930, 2010).map(lambda year: f"{year}-06-15") | st.just("unknown")


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(homes, births, st.none() | st.sampled_from("fm")), max_size=40),
    st.integers(2, 6),
    st.lists(st.integers(0, 12), min_size=40, max_size=40),
)
def test_every_combination_that_is_left_is_shared_by_k_people(
    rows: list[tuple[str | None, str | None, str | None]], k: int, owners: list[int]
) -> None:
    clear = people(rows).set_column(0, "id", pa.array([str(owner) for owner in owners[: len(rows)]], pa.string()))
    before = clear.to_pylist()
    table, report = anonymise_k(clear, schema(), k=k, most_suppressed=1.0)
    shared: dict[tuple[object, ...], set[str]] = {}
    for row in table.to_pylist():
        shared.setdefault(tuple(row[name] for name in QUASI), set()).add(row["id"])
    assert all(len(persons) >= k for persons in shared.values())
    assert table.num_rows + report.suppressed == len(rows) == report.rows
    assert report.smallest == min(map(len, shared.values()), default=0)
    assert clear.to_pylist() == before
    # Whoever is left out could not be hidden by anything: fewer than k of them in all.
    assert len({row["id"] for row in before}) < k or report.suppressed == 0 or len(_gone(before, table)) < k


def _gone(before: list[dict[str, object]], table: pa.Table) -> set[object]:
    left = Counter(table["id"].to_pylist())
    return {person for person, count in Counter(row["id"] for row in before).items() if left[person] < count}


def test_a_table_with_k_leaves_so_coarse_and_says_so() -> None:
    rows = [(XIHU, "1981-01-01", "f")] * 6 + [(GONGSHU, "1981-01-01", "f")] * 3 + [(NINGBO, "1981-01-01", "f")] * 3
    released, report = deidentify(people(rows), schema(k=5))
    assert groups(released) == {("浙江省杭州市西湖区", "1980-1984", "f"): 6, ("浙江省", "1980-1984", "f"): 6}
    assert report.smallest_group == 6
    assert report.anonymity is not None
    assert report.anonymity.k == 5
    released, report = deidentify(people(rows), schema())
    assert report.smallest_group == 3
    assert report.anonymity is None


def test_a_step_that_has_nothing_coarser_is_refused_with_the_place() -> None:
    text = '[tables.t]\nk = 2\n[tables.t.columns]\nborn = { kind = "birth_date", release = "shift" }'
    with pytest.raises(ColumnError, match="`shift` cannot be made coarser") as caught:
        deidentify(pa.table({"born": ["1980-01-01"]}), parse_schema(text).tables[0])
    assert caught.value.path == "t.born"


def test_jitter_and_pseudonyms_follow_the_rows_that_are_left() -> None:
    rows = [(SHENZHEN, "1931-01-01", "m")] + [(XIHU, "1981-01-01", "f")] * 5
    key = SecretKey(bytes(32))
    whole, hidden = (deidentify(people(rows), schema(k), key=key)[0] for k in (None, 5))
    assert hidden["id"].to_pylist() == whole["id"].to_pylist()[1:]
    assert hidden["paid"].to_pylist() == whole["paid"].to_pylist()[1:]


def test_events_are_hidden_by_consumers_and_carry_the_count(derive) -> None:  # type: ignore[no-untyped-def]
    described = parse_schema(
        """
        [tables.orders]
        k = 2
        [tables.orders.columns]
        customer = { kind = "user_id", role = "subject" }
        item = { kind = "product", role = "item" }
        at = { kind = "event_time", role = "time" }
        country = "region"
        """
    ).tables[0]
    table = pa.table(
        {
            "customer": ["a", "b", "c", "c", "d"],
            "item": list("vwxyz"),
            "at": pa.array([0, 1, 2, 3, 4], pa.timestamp("us")),
            "country": ["France", "France", "Japan", "Japan", "Peru"],
        }
    )
    scope = Scope("recommendation", "lab")
    events = protect_events(table, described, derive=derive, scope=scope)
    countries = dict(zip(events.table["item"].to_pylist(), events.table["country"].to_pylist(), strict=True))
    assert countries == {"v": "France", "w": "France", "x": ANY, "y": ANY, "z": ANY}
    assert (events.release["k"], events.release["suppressed"], events.release["quasi"]) == ("2", "0", "country")
    assert protect_table(table, described, derive=derive, scope=scope).num_rows == 5
