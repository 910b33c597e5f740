import json
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

pytest.importorskip("torch")
from bench.serving import _body, histories, measure, trained

from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents


@pytest.fixture(scope="module")
def events() -> ProtectedEvents:
    rows = [(f"c{who}", day, f"i{(who + day) % 5}") for who in range(6) for day in range(4)]
    times = pa.array([datetime(2024, 1, 1) + timedelta(days=row[1]) for row in rows], pa.timestamp("us"))
    table = pa.table({"subject": [row[0] for row in rows], "time": times, "item": [row[2] for row in rows]})
    return ProtectedEvents(table, {}, ProtectionMark())


def test_a_request_holds_a_history_and_no_pseudonym(events):
    body = json.loads(_body(events.of("c1")))
    assert body["history"][0] == {"item": "i1", "time": "2024-01-01T00:00:00"}
    assert "c1" not in json.dumps(body)


def test_a_service_of_its_own_is_asked_and_timed(events, tmp_path):
    found = measure(trained(events, tmp_path / "model"), histories(events), requests=8, clients=2)
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["requests_per_second"] > 0
    assert found["items"] == 5
