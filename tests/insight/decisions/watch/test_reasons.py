import numpy as np
import pyarrow as pa

from cartveil.insight.decisions.watch.alerts import reasons_of
from cartveil.insight.sequences.streams import StreamSpec

SPEC = StreamSpec(
    fields=("columns", "purpose", "new", "hour"),
    numeric=("rows", "rows_today"),
    words=(("columns", "read {value}; usual: {usual}"), ("purpose", "for {value}; usual: {usual}")),
    habits=(("columns", ("hour",)), ("purpose", ("columns",)), ("hour", ()), ("rows", ())),
    sizes=("rows_today",),
    kin=(("columns", "purpose", "new"), ("rows", "rows_today")),
)
PAST = pa.table(
    {
        "columns": ["name"] * 60 + ["items"] * 40,
        "purpose": ["support"] * 100,
        "new": ["no"] * 100,
        "hour": ["10-12"] * 90 + ["16-18"] * 10,
        "rows": [1.0] * 100,
        "rows_today": list(np.arange(100.0)),
    }
)


USUAL = {"columns": "name", "purpose": "support", "new": "no", "hour": "10-12", "rows": 1.0, "rows_today": 49.5}


def told(events, weights, **rest):
    table = pa.Table.from_pylist([{**USUAL, **event} for event in events])
    contributions = [[weight.get(name, 0.0) for name in SPEC.described] for weight in weights]
    return reasons_of(table, PAST, np.array(contributions, dtype=np.float32), spec=SPEC, **rest)


def said(**event):
    return told([event], [{"columns": 5.0, "hour": 0.4, "rows": 2.0}])


def test_what_is_strange_of_a_combination_is_told_whichever_part_it_is():
    assert told([{"columns": "items", "purpose": "marketing"}], [{"purpose": 5.0}]) == (
        "for marketing; usual: support",
    )
    assert told([{"columns": "items"}], [{"purpose": 5.0}]) == ("read items; usual: name",)


def test_kin_that_is_measured_itself_and_says_less_is_not_told_instead():
    assert said(columns="items", purpose="marketing") == ("read items; usual: name",)


def test_kin_that_nothing_measures_is_told_where_it_is_rarer():
    assert said(columns="items", new="yes") == ("new is yes; usual: no",)


def test_where_what_carries_a_finding_is_usual_its_kin_is_told():
    assert said(purpose="marketing") == ("for marketing; usual: support",)


def test_a_column_is_told_for_what_most_events_have_and_not_for_the_strangest_alone():
    events = [{"columns": "items", "hour": "16-18"}, *[{"columns": "items"}] * 9]
    assert told(events, [{"columns": 6.0}, *[{"columns": 5.0}] * 9]) == ("read items; usual: name",)


def test_what_the_score_is_made_of_comes_first_and_not_what_is_much_by_itself():
    first = told([{"columns": "items", "rows": 9.0}], [{"columns": 50.0, "rows": 2.0}])
    assert first == ("read items; usual: name",)
    beyond = np.array([1.0 if "rows" in names else 0.3 for names in named_groups()])
    again = told([{"columns": "items", "rows": 9.0}], [{"columns": 50.0, "rows": 2.0}], weight=beyond)
    assert [sentence.split()[0] for sentence in again] == ["rows", "read"]


def named_groups():
    return [[SPEC.described[place] for place in group] for group in SPEC.groups]


def test_two_findings_that_come_down_to_one_fact_are_one_reason():
    both = told([{"hour": "16-18"}], [{"columns": 5.0, "hour": 4.0}])
    assert both == ("hour is 16-18; usual: 10-12",)


def test_of_numbers_the_one_furthest_from_the_usual_is_said():
    assert said(rows=9.0, rows_today=80.0)[0].startswith("rows is 9")
    assert said(rows_today=99.0)[0].startswith("rows today is 99")


def test_what_is_missing_is_told_as_none():
    assert said(purpose=None) == ("for none; usual: support",)


def test_where_all_is_usual_the_order_is_what_was_not():
    assert said() == ("an unusual order of usual events",)
