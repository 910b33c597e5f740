"""Lists over HTTP: what a shop may ask, what it gets, and that nothing it tells comes back or is kept."""

import json
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

pytest.importorskip("torch")
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.faces.service.application import application
from cartveil.faces.service.recommending import Counter, open_counter
from cartveil.insight.decisions.recommend import Recommender, train_recommender

CANARY = "Zzyzx"


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    rows = [(f"c{who}", day, f"i{(who + day) % 5}") for who in range(8) for day in range(4)]
    table = pa.table(
        {
            "subject": [row[0] for row in rows],
            "time": pa.array([datetime(2024, 1, 1) + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "item": [row[2] for row in rows],
            "description": [f"THING {row[2]}" for row in rows],
        }
    )
    return train_recommender(ProtectedEvents(table, {}, ProtectionMark()))


@pytest.fixture
def client(recommender: Recommender) -> TestClient:
    return TestClient(application(counter=Counter(recommender, recommender.shelf)))


def events(*items: str) -> list[dict[str, object]]:
    return [
        {"item": item, "time": f"2024-01-0{at + 1}T10:00:00Z", "order": str(at), "quantity": at}
        for at, item in enumerate(items)
    ]


def test_a_history_gets_the_list_that_the_model_makes(client: TestClient, recommender: Recommender) -> None:
    answer = client.post("/recommend", json={"history": events("i3", "i1", "i3"), "k": 3})
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [set(each) for each in found] == [{"item", "description", "score", "reason"}] * 3
    assert [each["item"] for each in found][:2] == ["i3", "i1"]
    assert found[0]["reason"].startswith("bought twice")


def test_only_new_and_limits_are_heeded(client: TestClient) -> None:
    asked = {"history": events("i3", "i1"), "k": 5, "only_new": True, "diversity": 0.3, "per_category": 2}
    found = client.post("/recommend", json=asked).json()["items"]
    assert {each["item"] for each in found} == {"i0", "i2", "i4"}


def test_an_empty_history_gets_what_everybody_gets(client: TestClient) -> None:
    nobody, everybody = ({"history": []}, {"anybody": True})
    lists = [client.post("/recommend", json=asked).json()["items"] for asked in (nobody, everybody)]
    assert lists[0] == lists[1] != []


def test_a_list_for_everybody_takes_no_history(client: TestClient) -> None:
    for more in ({"history": events("i3")}, {"only_new": True}):
        answer = client.post("/recommend", json={"anybody": True, **more})
        assert (answer.status_code, answer.json()["path"]) == (422, "anybody")


@pytest.mark.parametrize(
    "asked",
    [
        *({}, [], None, CANARY, {"history": CANARY}, {"history": [CANARY]}, {"history": [{"item": CANARY}]}),
        *({CANARY: 1}, {"history": [], "k": CANARY}, {"history": [], "k": 0}, {"history": [], "k": 10**6}),
        *({"history": [], "k": True}, {"history": [], "diversity": CANARY}, {"history": [], "diversity": 2}),
        *({"history": [], "per_category": 0}, {"history": [], "per_category": CANARY}),
        {"history": [{"item": "i1", "time": CANARY}]},
        {"history": [{"item": "i1", "time": "2024-01-01", "quantity": CANARY}]},
        {"history": [{"item": "i1", "time": "2024-01-01", "quantity": 10**400}]},
        {"history": [{"item": 5, "time": "2024-01-01"}]},
        {"history": [{"item": "i1", "time": "2024-01-01", CANARY: 1}]},
        {"history": [{"item": "\ud800", "time": "2024-01-01"}]},
        {"history": [{"item": "i1", "time": "0001-01-01T00:00:00+14:00"}]},
    ],
    ids=repr,
)
def test_what_is_no_such_request_is_refused_without_repeating_it(
    client: TestClient, asked: object, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/recommend", content=json.dumps(asked))
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "hint", "path"}
    assert CANARY not in answer.text + caplog.text


def test_a_body_that_is_no_json_or_too_long_is_refused(client: TestClient) -> None:
    assert client.post("/recommend", content=b"{").status_code == 422
    assert client.post("/recommend", content=b"[" * 60_000).status_code == 422
    assert client.post("/recommend", content=b" " * 70_000).status_code == 413


def test_without_a_model_there_is_no_such_route() -> None:
    assert TestClient(application()).post("/recommend", json={"history": []}).status_code == 404


def test_a_model_is_opened_with_what_the_shop_sells(recommender: Recommender, tmp_path) -> None:
    recommender.save(tmp_path / "model")
    (tmp_path / "shop.csv").write_text("item,stock\ni1,2\ni3,0\n", encoding="utf-8")
    counter = open_counter(tmp_path / "model", tmp_path / "shop.csv")
    answer = TestClient(application(counter=counter)).post("/recommend", json={"history": events("i3")})
    assert [each["item"] for each in answer.json()["items"]] == ["i1"]
