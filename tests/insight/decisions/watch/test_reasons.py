import numpy as np
import pyarrow as pa

from cartveil.insight.decisions.watch.alerts import reasons_of
from cartveil.insight.sequences.streams import StreamSpec

SPEC = StreamSpec(
    fields=("columns", "purpose", "hour"),
    numeric=("rows", "rows_today"),
    words=(("columns", "read {value}; usual: {usual}"), ("purpose", "for {value}; usual: {usual}")),
    kin=(("columns", "purpose"), ("rows", "rows_today")),
)
PAST = pa.table(
    {
        "columns": ["name"] * 60 + ["items"] * 40,
        "purpose": ["support"] * 100,
        "hour": ["10-12"] * 100,
        "rows": [1.0] * 100,
        "rows_today": list(np.arange(100.0)),
    }
)


def said(**event):
    usual = {"columns": "name", "purpose": "support", "hour": "10-12", "rows": 1.0, "rows_today": 49.5}
    events = pa.Table.from_pylist([{**usual, **event}])
    weight = {"columns": 5.0, "hour": 0.4, "rows": 2.0}
    contributions = np.array([[weight.get(name, 0.0) for name in SPEC.described]], dtype=np.float32)
    return reasons_of(events, PAST, contributions, spec=SPEC)


def test_of_columns_that_tell_of_one_thing_the_rarest_is_said():
    assert said(columns="items", purpose="marketing") == ("for marketing; usual: support",)
    assert said(columns="items") == ("read items; usual: name",)


def test_of_numbers_the_one_furthest_from_the_usual_is_said():
    assert said(rows=9.0, rows_today=80.0)[0].startswith("rows is 9")
    assert said(rows_today=99.0)[0].startswith("rows today is 99")


def test_what_is_missing_is_told_as_none():
    assert said(purpose=None) == ("for none; usual: support",)


def test_where_all_is_usual_the_order_is_what_was_not():
    assert said() == ("an unusual order of usual events",)
