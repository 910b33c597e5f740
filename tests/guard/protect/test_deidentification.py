import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import RefusedError
from cartveil.events.kinds import Kind, View
from cartveil.events.schema import Table, column_of, parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.risk import Risk, risk
from cartveil.guard.protect.show import show, view_of


def schema(**kinds: str) -> Table:
    return Table("people", "people.csv", tuple(column_of(name, Kind(kind)) for name, kind in kinds.items()))


def people(count: int) -> pa.Table:
    return pa.table(
        {
            "id": [f"u{number}" for number in range(count)],
            "phone": ["13812345678"] * count,
            "born": ["1985-03-02"] * count,
            "gender": ["f"] * count,
            "extra": [1] * count,
        }
    )


def test_pseudonyms_make_it_de_identified_only() -> None:
    table, report = deidentify(people(10), schema(id="user_id", phone="phone", born="birth_date", gender="gender"))
    assert table.column_names == ["id", "born", "gender"]
    assert report.label == "de-identified"
    assert "id" in report.because[0]
    assert report.methods == {
        "id": "pseudonym",
        "phone": "drop",
        "born": "bucket width=10y",
        "gender": "keep",
        "extra": "drop",
    }
    assert (report.smallest_group, report.unique_share, report.rows) == (10, 0.0, 10)
    assert json.loads(json.dumps(report.to_dict()))["label"] == "de-identified"


def test_without_links_and_in_groups_of_five_it_is_anonymised() -> None:
    _, report = deidentify(people(5), schema(phone="phone", born="birth_date", gender="gender"))
    assert (report.label, report.because) == ("anonymised", ())


def test_smaller_groups_are_not_anonymised() -> None:
    _, report = deidentify(people(4), schema(phone="phone", born="birth_date", gender="gender"))
    assert report.label == "de-identified"
    assert "4 of 5" in report.because[0]


def test_rows_alone_in_all_columns_are_not_anonymised() -> None:
    table = people(10).append_column("sku", pa.array([str(number) for number in range(10)]))
    _, report = deidentify(table, schema(born="birth_date", sku="product"))
    assert report.unique_share == 1.0
    assert report.label == "de-identified"


def test_free_text_is_never_anonymised() -> None:
    table = people(10).append_column("note", pa.array(["hello"] * 10))
    _, report = deidentify(table, schema(note="free_text"))
    assert report.label == "de-identified"


def test_the_key_is_thrown_away() -> None:
    described = schema(id="user_id")
    first, second = (deidentify(people(3), described)[0]["id"].to_pylist() for _ in range(2))
    assert not set(first) & set(second)
    fixed = SecretKey(bytes(32))
    assert deidentify(people(3), described, key=fixed)[0].equals(deidentify(people(3), described, key=fixed)[0])


def test_a_schema_that_lets_phones_leave_is_refused() -> None:
    described = parse_schema('[tables.t.columns]\nphone = { kind = "phone", release = "keep" }').tables[0]
    with pytest.raises(RefusedError):
        deidentify(people(3), described)


def test_risk_counts_look_alikes() -> None:
    table = pa.table({"a": [1, 1, 2, None, None], "b": ["x", "x", "y", "z", "z"]})
    assert risk(table, ["a", "b"]) == Risk(5, 1, 0.2)
    assert risk(table, []) == Risk(5, 5, 0.0)
    assert risk(table.slice(0, 0), ["a"]) == Risk(0, 0, 0.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.sampled_from("ab")), min_size=1, max_size=30))
def test_risk_equals_counting_by_hand(rows: list[tuple[int, str | None]]) -> None:
    table = pa.table({"a": [a for a, _ in rows], "b": pa.array([b for _, b in rows], pa.string())})
    sizes = [rows.count(row) for row in rows]
    assert risk(table, ["a", "b"]) == Risk(len(rows), min(sizes), sizes.count(1) / len(rows))


def test_views_leave_out_what_may_not_be_seen() -> None:
    described = schema(id="user_id", phone="phone", born="birth_date", gender="gender")
    views = {"id": View.PSEUDONYM, "phone": View.MASKED, "born": View.GENERALISED, "gender": View.NONE}
    shown = view_of(people(2), described, views)
    assert shown.column_names == ["id", "phone", "born"]
    assert shown["phone"].to_pylist() == ["138****5678"] * 2
    assert shown["born"].to_pylist() == ["1980-1989"] * 2
    assert not set(shown["id"].to_pylist()) & {"u0", "u1"}
    assert view_of(people(2), described, {"gender": View.CLEAR}).to_pylist() == [{"gender": "f"}] * 2


def test_a_pseudonym_view_needs_a_key_and_coarse_views_hide_what_has_no_coarser_form() -> None:
    with pytest.raises(RefusedError):
        show(pa.array(["a"]), kind=Kind.USER_ID, view=View.PSEUDONYM)
    assert show(pa.array(["hunter2"]), kind=Kind.SECRET, view=View.GENERALISED).to_pylist() == [None]
    assert show(pa.array([17.5]), kind=Kind.AMOUNT, view=View.GENERALISED).to_pylist() == [10.0]
    assert show(pa.array([17850]), kind=Kind.USER_ID, view=View.GENERALISED).to_pylist() == [None]
