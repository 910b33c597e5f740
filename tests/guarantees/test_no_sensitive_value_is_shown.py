"""No value of a consumer's record stands in an error, in a proposal, in a report, or in what a run leaves behind."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cartveil as package
from cartveil.errors import CartveilError
from cartveil.events.protected import Events, load_protected
from command import CANARY, cartveil, write_shop

ROWS = [
    {"customer_id": f"{CANARY}{number}", "name": f"{CANARY} Wilson", "mobile": f"{CANARY}-7700-900{number}"}
    for number in range(30)
]
HEAD = "customer_id,name,mobile"
LINE = f"{CANARY}1,{CANARY} Wilson,{CANARY}-7700"

BAD_FILES = {
    "ragged.csv": f"{HEAD}\n{LINE}\n{CANARY},{CANARY}\n".encode(),
    "one-more.csv": f"{HEAD}\n{LINE},{CANARY}\n".encode(),
    "quote.csv": f'{HEAD}\n"{CANARY},{CANARY}\n'.encode(),
    "undecodable.csv": f"{HEAD}\n{LINE}".encode() + b"\xff\xff\x81",
    "nul.csv": f"{HEAD}\n{LINE}\0\0".encode(),
    "twice.csv": f"name,name\n{CANARY},{CANARY}\n".encode(),
    "open.jsonl": f'{{"name": "{CANARY}"}}\n{{"name": "{CANARY}'.encode(),
    "no-object.jsonl": f'"{CANARY}"\n'.encode(),
    "mixed.jsonl": f'{{"name": "{CANARY}"}}\n{{"name": 3}}\n{{"name": ["{CANARY}"]}}\n'.encode(),
    "list.json": f'["{CANARY}", 3]'.encode(),
    "torn.parquet": b"PAR1" + CANARY.encode() * 9,
    "torn.arrow": b"ARROW1\0\0" + CANARY.encode() * 9,
    "bomb.csv.gz": CANARY.encode(),
    f"{CANARY.lower()}.xlsx": b"PK",
}


def said_by(act: Callable[[], object]) -> str:
    """Return all that Python would print of an error, its causes included."""
    try:
        act()
    except CartveilError as error:
        return "".join(traceback.format_exception(error)) + f" {error.path} {error.hint}"
    return ""


@pytest.mark.parametrize("name", list(BAD_FILES))
def test_an_error_while_reading_names_the_place_and_never_the_value(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BAD_FILES[name])
    assert CANARY not in said_by(lambda: package.anonymize(tmp_path / name))
    assert CANARY not in cartveil("scan", tmp_path / name).err


KEY = bytes(32)
ACTS: dict[str, Callable[[], object]] = {
    "values of two types": lambda: package.anonymize([*ROWS, {"name": 3}]),
    "no table": lambda: package.anonymize([CANARY]),
    "another key": lambda: package.decrypt(package.encrypt(ROWS, KEY), b"1" * 32),
    "a key that is a value": lambda: package.encrypt(ROWS, CANARY.encode()),
    "no consent to see": lambda: package.access_control(
        ROWS, {"name": f"{CANARY}1", "role": "data_science", "purpose": "recommendation"}
    ),
    "a role that is a value": lambda: package.access_control(
        ROWS, {"name": "lin", "role": CANARY, "purpose": "support"}
    ),
    "a purpose that is a value": lambda: package.access_control(
        ROWS, {"name": "lin", "role": "support", "purpose": CANARY}
    ),
    "an hour that is a value": lambda: package.access_control(
        ROWS, {"name": "lin", "role": "support", "purpose": "support", "hour": CANARY}
    ),
    "a case that is a value": lambda: package.access_control(
        ROWS, {"name": "lin", "role": "support", "purpose": "support", "case_open": CANARY}
    ),
}


@pytest.mark.parametrize("name", list(ACTS))
def test_an_error_of_the_api_holds_no_value(name: str) -> None:
    said = said_by(ACTS[name])
    assert said
    assert CANARY not in said


def test_a_proposal_and_its_evidence_hold_no_value() -> None:
    proposal = package.scan({"customers": pa.Table.from_pylist(ROWS)})
    assert CANARY not in proposal.to_toml() + str([each.to_dict() for each in proposal.evidence])


def test_a_quality_report_holds_no_value(tmp_path: Path) -> None:
    write_shop(tmp_path)
    schema = package.load_schema(tmp_path)
    bad = pa.table({column.name: [CANARY, CANARY, None] for column in schema.table("orders").columns})
    report = package.clean(Events(bad, schema.table("orders"))).report
    assert report.counts
    assert CANARY not in str(report.to_dict())


def test_a_report_of_anonymize_holds_no_value() -> None:
    assert CANARY not in str(package.anonymize(ROWS)[1].to_dict())


def test_what_a_run_on_real_people_leaves_names_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows set aside are the exception: they are kept as they came in, for whoever has to mend them."""
    pytest.importorskip("torch")
    (tmp_path / "shop").mkdir()
    write_shop(tmp_path / "shop")
    monkeypatch.chdir(tmp_path)
    done = cartveil("run", "shop/cartveil.toml", "--out", "out")
    assert done.code == 0, done.err
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.parent.name != "set_aside"]
    assert {"vault.db", "report.html", "report.json", "receipt.json", "recommendation.parquet"} <= {
        path.name for path in left
    }
    texts = {path.name: path.read_bytes() for path in left if path.suffix != ".parquet"} | {"said": done.err.encode()}
    texts |= {path.name: str(pq.read_table(path).to_pylist()).encode() for path in left if path.suffix == ".parquet"}
    for name, content in texts.items():
        assert CANARY.encode() not in content, name
        assert b"+44 7700 9001" not in content, name
    assert not {f"c{number}" for number in range(40)} & set(
        load_protected("out/learned/recommendation.parquet").table["subject"].to_pylist()
    )
