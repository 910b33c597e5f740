import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.protect.risk.reidentification import Risk, diversity, risk

TABLE = pa.table(
    {
        "city": ["杭州", "杭州", "杭州", "宁波", "宁波", None, None],
        "age": ["20s", "20s", "20s", "30s", "30s", "30s", "30s"],
        "illness": ["flu", "flu", "cough", "flu", "flu", "flu", None],
        "who": ["a", "b", "c", "d", "d", "e", "f"],
    }
)


def test_k_is_the_smallest_group_and_a_gap_is_a_value() -> None:
    assert risk(TABLE, ["city", "age"]) == Risk(7, 2, 0.0)
    assert risk(TABLE, ["city", "age", "illness"]) == Risk(7, 1, 3 / 7)
    assert risk(TABLE, []) == Risk(7, 7, 0.0)


def test_a_hundred_rows_of_one_person_hide_nobody() -> None:
    assert risk(TABLE, ["city", "age"], subjects=TABLE["who"]).smallest == 1
    assert risk(TABLE, ["age"], subjects=TABLE["who"]).smallest == 3


def test_l_is_the_least_number_of_different_sensitive_values() -> None:
    assert diversity(TABLE, ["city", "age"], sensitive="illness") == 1
    assert diversity(TABLE, ["age"], sensitive="illness") == 2
    assert diversity(TABLE, [], sensitive="illness") == 3
    assert diversity(TABLE.slice(0, 0), ["age"], sensitive="illness") == 0


values = st.none() | st.sampled_from("ab")
rows_of = st.lists(st.tuples(values, st.none() | st.integers(0, 2), values, st.sampled_from("pqr")), max_size=30)


@settings(max_examples=60, deadline=None)
@given(rows_of)
def test_both_equal_counting_by_hand(rows: list[tuple[str | None, int | None, str | None, str]]) -> None:
    table = pa.table(
        {
            "x": pa.array([row[0] for row in rows], pa.string()),
            "y": pa.array([row[1] for row in rows], pa.int8()),
            "s": pa.array([row[2] for row in rows], pa.string()).dictionary_encode(),
            "who": pa.chunked_array([[row[3] for row in rows]], pa.string()),
        }
    )
    groups: dict[tuple[str | None, int | None], list[tuple[str | None, str]]] = {}
    for x, y, sensitive, who in rows:
        groups.setdefault((x, y), []).append((sensitive, who))
    people = min((len({who for _, who in group}) for group in groups.values()), default=0)
    alone = sum(len(group) == 1 for group in groups.values())
    wanted = Risk(len(rows), people, alone / len(rows) if rows else 0.0)
    assert risk(table, ["x", "y"], subjects=table["who"]) == wanted
    least = min((len({sensitive for sensitive, _ in group}) for group in groups.values()), default=0)
    assert diversity(table, ["x", "y"], sensitive="s") == least
