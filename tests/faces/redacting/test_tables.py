import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.errors import InputError, ReadError
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.faces.redacting import Columns, Redaction, redact_table_file, refuse_tables
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.stand_ins import LABELS, Form, Style

SURROGATES = Style(Form.SURROGATES, SecretKey(bytes(32)))
ROWS = [
    {"id": "7", "name": "张三", "note": "给张三, 电话13812345678"},
    {"id": "8", "name": "John Smith", "note": 'said "ring Smith\non 13812345678"'},
    {"id": "7", "name": "张三", "note": "13812345678"},
    {"id": "9", "name": "", "note": ""},
]
TEXTS = Columns(("note",))


def write(path: Path, encoding: str = "utf-8") -> Path:
    if path.suffix == ".parquet":
        rows = [{**row, "note": row["note"] or None} for row in ROWS]
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    else:
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(ROWS[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(ROWS)
        text = out.getvalue()
    path.write_bytes(text.encode(encoding))
    return path


def read(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        return [{name: value or "" for name, value in row.items()} for row in pq.read_table(path).to_pylist()]
    text = path.read_bytes().decode(encoding)
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ","))


def redact(path: Path, columns: Columns = TEXTS, style: Style = LABELS) -> Path:
    target = path.with_stem("new")
    redact_table_file(path, target, columns, Redaction(find_patterns, style))
    return target


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_columns_of_text_change_and_others_stay(tmp_path: Path, ending: str) -> None:
    made = read(redact(write(tmp_path / f"old{ending}")))
    assert [row["note"] for row in made] == [row["note"].replace("13812345678", "[phone]") for row in ROWS]
    assert [(row["id"], row["name"]) for row in made] == [(row["id"], row["name"]) for row in ROWS]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_a_row_knows_is_found_in_its_text(tmp_path: Path, ending: str) -> None:
    columns = Columns(("note",), {"name": Kind.PERSON_NAME})
    notes = [row["note"] for row in read(redact(write(tmp_path / f"old{ending}"), columns))]
    assert notes[:2] == ["给[person_name], 电话[phone]", 'said "ring [person_name]\non [phone]"']


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_surrogates_are_the_same_within_the_rows_of_a_subject(tmp_path: Path, ending: str) -> None:
    columns = Columns(("note",), subject="id")
    first, other, again, _ = (
        row["note"] for row in read(redact(write(tmp_path / f"old{ending}"), columns, SURROGATES))
    )
    assert first == f"给张三, 电话{again}"
    assert again not in other


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "utf-8-sig"])
def test_a_table_keeps_its_encoding_and_line_ends(tmp_path: Path, encoding: str) -> None:
    target = redact(write(tmp_path / "old.csv", encoding))
    assert [row["note"] for row in read(target, encoding)][2] == "[phone]"
    assert target.read_bytes().decode(encoding).count("\r\n") == len(ROWS) + 1


def test_rows_of_two_encodings_stay_so(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes("id,note\n1,张伟13812345678\n".encode() + "2,李四\n".encode("gb18030"))
    assert redact(tmp_path / "old.csv").read_bytes() == "id,note\n1,张伟[phone]\n".encode() + "2,李四\n".encode(
        "gb18030"
    )


def test_values_that_are_no_text_stay(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text(
        '{"note": 5}\n\n{"note": null, "x": [1]}\n{"note": "\\ud83d a@b.com"}', encoding="utf-8"
    )
    made = redact(tmp_path / "old.jsonl").read_text(encoding="utf-8").split("\n")
    assert made == ['{"note": 5}', "", '{"note": null, "x": [1]}', '{"note": "\\ud83d [email]"}']


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("old.csv", "id,text\n1,a\n", "has no column `note`"),
        ("old.csv", "id,note\n1,a,13812345678\n", "row has 3 values, the header has 2 columns"),
        ("old.csv", "", "has no header"),
        ("old.jsonl", '{"note": "a"}\n[13812345678]\n', "is no JSON object"),
        ("old.parquet", "PAR1", "is not a whole Parquet file"),
        ("old.xlsx", "PK", "unknown ending `.xlsx`"),
    ],
)
def test_an_unusable_table_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        redact(tmp_path / name)
    assert said in str(refused.value)
    assert "13812345678" not in str(refused.value) + str(refused.value.hint)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        redact(tmp_path / "none.csv")


def test_a_table_is_no_plain_text(tmp_path: Path) -> None:
    refuse_tables([tmp_path / "notes.txt", tmp_path / "chat.log"])
    with pytest.raises(InputError, match="is a table"):
        refuse_tables([tmp_path / "notes.csv"])
