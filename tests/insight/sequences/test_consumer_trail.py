import numpy as np
import pyarrow as pa
import pytest

from accounts import account_events
from cartveil.errors import ColumnError
from cartveil.insight.sequences.consumer_trail import consumer_stream


@pytest.fixture(scope="module")
def events():
    return account_events(consumers=15)[0]


def _visit(**changed):
    row = {
        "consumer": "c",
        "session": "s1",
        "device": "d",
        "network": "n",
        "region": "r",
        "channel": "web",
        "action": "login",
        "category": None,
        "amount": None,
        "decision": "allow",
        "time": 0,
    }
    return {**row, **changed}


def _stream(*rows):
    table = pa.Table.from_pylist([{**row, "event_id": place} for place, row in enumerate(rows)])
    moments = pa.array([row["time"] * 1_000_000 for row in rows]).cast(pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("time"), "time", moments)
    amounts, words = table["amount"].cast(pa.float64()), table["category"].cast(pa.string())
    table = table.set_column(table.column_names.index("amount"), "amount", amounts)
    return consumer_stream(table.set_column(table.column_names.index("category"), "category", words))[0]


def test_nothing_in_a_row_depends_on_a_later_row(events):
    whole, spec = consumer_stream(events)
    part, _ = consumer_stream(events.slice(0, events.num_rows // 2))
    for name in spec.fields:
        assert part[name].to_pylist() == whole[name].slice(0, part.num_rows).to_pylist(), name
    for name in spec.numeric:
        found, expected = (each[name].to_numpy() for each in (part, whole.slice(0, part.num_rows)))
        assert np.allclose(found, expected, equal_nan=True), name


def test_a_new_phone_from_home_hangs_together_with_the_account_and_a_stranger_does_not():
    stream = _stream(
        _visit(time=0),
        _visit(time=86400, session="s2", device="phone"),
        _visit(time=172800, session="s3", device="other", network="elsewhere"),
    )
    assert stream["place"].to_pylist() == ["all new", "known network", "all new"]
    assert stream["chain_is_new"].to_pylist() == ["yes", "no", "yes"]
    assert stream["elsewhere_since_chain"].to_pylist() == [0, 0, 0]
    assert np.allclose(stream["chain_rarity"].to_numpy(), -np.log([0.5, 1.5 / 2, 0.5 / 3]))


def test_visits_elsewhere_tell_that_the_owner_goes_on():
    rows = [_visit(time=86400 * day, session=f"s{day}") for day in range(3)]
    rows += [_visit(time=86400 * 3, session="s3", device="x", network="y"), _visit(time=86400 * 4, session="s4")]
    stream = _stream(*rows, _visit(time=86400 * 5, session="s5", device="x", network="y"))
    assert stream["elsewhere_since_chain"].to_pylist()[-1] == 1
    assert stream["other_chain_hours"].to_pylist()[-1] == 24


def test_purchases_and_changes_are_counted_as_they_happen_and_refused_ones_are_not():
    stream = _stream(
        _visit(time=0),
        _visit(time=10, action="checkout", amount=30.0),
        _visit(time=20, action="checkout", amount=50.0, decision="deny"),
        _visit(time=30, action="password_change"),
        _visit(time=40, action="coupon", amount=5.0),
    )
    assert stream["takes_in_visit"].to_pylist() == [0, 1, 1, 1, 2]
    assert stream["spent_in_visit"].to_pylist() == [0, 30, 30, 30, 35]
    assert stream["changes_in_visit"].to_pylist() == [0, 0, 0, 1, 1]
    assert stream["denied_1_days"].to_pylist() == [0, 0, 1, 1, 1]


def test_accounts_say_nothing_of_each_other_but_how_usual_things_are():
    alone = _stream(_visit(time=0), _visit(time=60, action="browse", category="toys"))
    beside = _stream(
        _visit(time=0),
        _visit(time=30, consumer="b", device="e", network="m", action="checkout", amount=9.0),
        _visit(time=60, action="browse", category="toys"),
    )
    for name in ("device_visits", "chain_visits", "takes_in_visit", "spent_on_chain", "events_in_visit"):
        assert alone[name].to_pylist() == [beside[name][0].as_py(), beside[name][2].as_py()], name


def test_events_out_of_order_are_put_in_order_and_those_without_time_or_consumer_left_out(events):
    mixed = events.take(pa.array(np.random.default_rng(0).permutation(events.num_rows)))
    lacking = pa.array([None] * events.num_rows, events["consumer"].type)
    nobody = events.set_column(events.column_names.index("consumer"), "consumer", lacking)
    assert consumer_stream(mixed)[0].equals(consumer_stream(events)[0])
    assert consumer_stream(nobody)[0].num_rows == 0


def test_an_event_that_stands_twice_counts_once(events):
    twice = pa.concat_tables([events.slice(0, 1), events.slice(0, 1)])
    assert consumer_stream(twice)[0]["events_in_visit"].to_pylist() == [1]


def test_missing_devices_and_sessions_are_a_value_of_their_own():
    stream = _stream(_visit(device=None, session=None, network=None), _visit(time=9, device=None, session=None))
    assert stream["place"].to_pylist() == ["all new", "known device"]


def test_a_missing_column_is_named(events):
    with pytest.raises(ColumnError) as caught:
        consumer_stream(events.drop_columns(["network"]))
    assert caught.value.path == "network"


@pytest.mark.parametrize("name", ["time", "amount", "event_id"])
def test_text_where_times_or_numbers_should_be_is_refused_and_not_quoted(events, name):
    text = pa.array(["SECRET8999"] * events.num_rows)
    with pytest.raises(ColumnError, match=name) as caught:
        consumer_stream(events.set_column(events.column_names.index(name), name, text))
    assert "SECRET8999" not in str(caught.value)
