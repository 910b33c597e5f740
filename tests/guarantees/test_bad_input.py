"""Whatever goes wrong: one line that says what and where, a hint, exit 1 or 2, nothing half-written, nobody shown."""

import hashlib
import json
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from command import CANARY, CONSUMERS, PASSPHRASE, Done, cartveil, cartveil_apart, filled, start, write_shop

__all__ = ["filled"]

PUT = ("put", "vault", "customers", "bad.csv", "--as", "ops:admin")
PUT_ORDERS = ("put", "vault", "orders", "bad.csv", "--as", "ops:admin")
READ = ("read", "vault", "customers", "c1", "--as", "lin:support", "--purpose", "support")
EXPORT = ("export", "vault", "--as", "dana:data_science", "--purpose", "recommendation", "--recipient", "x", "--out")
HEADER = "customer_id,name,mobile,address,birth_date,consent"
PERSON = f"c1,{CANARY} Wilson,+44 7700 900111,1 {CANARY} Street Leeds,1980-02-03,marketing"
ORDERS = "order_id,customer_id,item,quantity,price,time"


@pytest.fixture
def shop(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_shop(tmp_path)
    shutil.copytree(filled / "vault", tmp_path / "vault")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", PASSPHRASE)
    return tmp_path


def bad_csv(*lines: str) -> Callable[[Path], object]:
    return lambda shop: (shop / "bad.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def bad_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda shop: (shop / "bad.csv").write_bytes(content)


def changed(name: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    """Change a file's first bytes that read so."""

    def change(shop: Path) -> None:
        content = (shop / name).read_bytes()
        assert old in content
        (shop / name).write_bytes(content.replace(old, new, 1))

    return change


def flipped(name: str, share: float) -> Callable[[Path], object]:
    """Flip a byte at a share of a file's length."""

    def flip(shop: Path) -> None:
        content = bytearray((shop / name).read_bytes())
        content[int(len(content) * share)] ^= 1
        (shop / name).write_bytes(content)

    return flip


def nothing(shop: Path) -> None:
    """Leave the shop as it is."""


@dataclass(frozen=True)
class Row:
    """One way to go wrong: how to make it, what is asked for, and what is said."""

    name: str
    make: Callable[[Path], object]
    words: tuple[str, ...]
    code: int
    said: str


ROWS = (
    Row("missing file", nothing, PUT, 2, "bad.csv: no such file"),
    Row("missing schema", nothing, ("init", "new", "--schema", "no.toml"), 2, "no.toml: no such file"),
    Row("missing vault", nothing, ("verify", "."), 2, "no vault in this folder"),
    Row("missing receipt", nothing, ("verify", "receipt.json"), 2, "receipt.json: no such file"),
    Row("missing release", nothing, ("train", "recommend", "no.parquet", "--out", "model"), 2, "no such file"),
    Row("missing public key", nothing, (*EXPORT, "out.bin", "--to", "no.pem"), 2, "no.pem: cannot be read"),
    Row("missing passphrase file", nothing, (*READ, "--passphrase-file", "no"), 2, "no: cannot be read"),
    Row("missing policy", nothing, (*READ, "--policy", "no.cedar"), 2, "no.cedar"),
    Row("folder without tables", lambda s: (s / "none").mkdir(), ("scan", "none"), 2, "none: "),
    Row("empty file", bad_bytes(b""), PUT, 2, "bad.csv: file is empty"),
    Row("header only", bad_csv(HEADER), PUT, 2, "no rows"),
    Row("broken encoding", bad_bytes(f"{HEADER}\n{PERSON}".encode() + b"\xff\xff\x81\n"), PUT, 2, "bad.csv"),
    Row("ragged rows", bad_csv(HEADER, PERSON, f"c2,{CANARY}"), PUT, 2, "bad.csv"),
    Row("not a table", bad_bytes(bytes(range(256)) * 9), PUT, 2, "bad.csv"),
    Row("duplicate columns", bad_csv(HEADER.replace("mobile", "name"), PERSON), PUT, 2, "duplicate column `name`"),
    Row("missing column", bad_csv("customer_id,name", f"c1,{CANARY}"), PUT, 2, "customers.mobile: the table lacks"),
    Row("unknown column", bad_csv(f"{HEADER},shoe", f"{PERSON},{CANARY}"), PUT, 2, "customers.shoe: the schema does"),
    Row("column without name", bad_csv(f"{HEADER},", f"{PERSON},9"), PUT, 2, "has no name"),
    Row("unknown table", bad_csv(HEADER, PERSON), ("put", "vault", "custommers", "bad.csv", *PUT[4:]), 2, "custommers"),
    Row("unknown ending", nothing, (*PUT[:3], "vault/vault.db", *PUT[4:]), 2, "vault.db"),
    Row("not Parquet", bad_csv(HEADER, PERSON), ("train", "recommend", "bad.csv", "--out", "model"), 2, "bad.csv"),
    Row("broken schema", lambda s: (s / "cartveil.toml").write_text("name ="), ("init", "new"), 2, "not valid TOML"),
    Row(
        "unknown word in the schema",
        changed("cartveil.toml", b'"phone"', b'"fone"'),
        ("init", "new"),
        2,
        "unknown kind `fone`",
    ),
    Row("unknown field", nothing, (*READ, "--field", "nmae"), 2, "unknown column `nmae`"),
    Row("unknown role", nothing, ("read", *READ[1:4], "--as", "lin:suport", "--purpose", "support"), 2, "unknown role"),
    Row("unknown purpose", nothing, (*READ[:-1], "suport"), 2, "unknown purpose"),
    Row("unknown consumer", nothing, ("read", "vault", "customers", f"{CANARY}9", *READ[4:]), 1, "no such consumer"),
    Row("unknown circumstance", nothing, (*READ, "--context", "mood=true"), 2, "mood"),
    Row("changed keyring", flipped("vault/keyring.json", 0.5), READ, 1, "keyring.json"),
    Row("torn keyring", lambda s: os.truncate(s / "vault" / "keyring.json", 300), READ, 1, "keyring.json"),
    Row("missing keyring", lambda s: (s / "vault" / "keyring.json").unlink(), READ, 2, "keyring.json: no such"),
    Row("vault is something else", bad_bytes(b"x" * 9000), ("verify", "elsewhere"), 1, "not a vault"),
    Row("torn vault", lambda s: os.truncate(s / "vault" / "vault.db", 9000), ("verify", "vault"), 1, "vault.db"),
    Row("changed header", flipped("vault/vault.db", 0), ("verify", "vault"), 1, "vault.db"),
    Row("changed audit entry", changed("vault/vault.db", b'"admin"', b'"nobdy"'), ("verify", "vault"), 1, ""),
    Row("changed schema", changed("vault/vault.db", b"[tables.orders]", b"[tables.0rders]"), READ, 1, "vault.db"),
    Row("proposal exists", nothing, ("scan", ".", "--write", "cartveil.toml"), 2, "cartveil.toml: exists already"),
    Row("vault exists", nothing, ("init", "vault"), 1, "exists already"),
    Row("export exists", nothing, (*EXPORT, "orders.csv"), 2, "orders.csv: exists already"),
    Row(
        "receipt exists",
        nothing,
        ("erase", "vault", "c1", "--as", "o:privacy_officer", "--yes", "--receipt", "orders.csv"),
        2,
        "orders.csv: exists already",
    ),
    Row(
        "set-aside file exists",
        bad_csv(HEADER, PERSON),
        (*PUT, "--set-aside", "orders.csv"),
        2,
        "orders.csv: exists already",
    ),
    Row(
        "protected table exists",
        lambda s: (s / "customers.parquet").write_bytes(b"mine"),
        ("protect", ".", "--out", "."),
        2,
        "customers.parquet: exists already",
    ),
    Row("run's folder is another's", nothing, ("run", ".", "--out", "vault"), 2, "vault: exists already"),
    Row("model's folder is another's", nothing, ("train", "recommend", "x", "--out", "."), 2, ".: exists already"),
    Row("run on nothing", lambda s: (s / "none").mkdir(), ("run", "none"), 2, "none: holds no table"),
    Row(
        "run without consumers",
        changed("cartveil.toml", b'kind = "event_time", role = "time"', b'kind = "event_time"'),
        ("run", "."),
        2,
        "no table has the roles",
    ),
    Row("run's folder is a file", nothing, ("run", ".", "--out", "orders.csv"), 2, "orders.csv: exists already"),
    Row("vault's folder is a file", nothing, ("init", "orders.csv"), 1, "orders.csv: "),
    Row("demo's folder is another's", nothing, ("demo", "--out", "vault"), 2, "vault: exists already"),
    Row("no folder to write to", nothing, (*EXPORT, "nowhere/out.parquet"), 1, "nowhere/out.parquet: "),
    Row("output is a folder", nothing, (*EXPORT, "vault"), 2, "vault: exists already"),
)


def contents(folder: Path) -> dict[str, str]:
    """Return what stands in a folder; the vault is looked at by other means, since it writes down who asked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("vault.db")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def assert_said_well(done: Done, *, code: int, said: str) -> None:
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
    assert lines[-1].startswith("cartveil: ")
    assert done.err.splitlines()[-1].startswith("hint: ")
    assert CANARY not in done.out + done.err
    assert "7700" not in done.out + done.err


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_said_well_and_nothing_is_half_written(row: Row, shop: Path) -> None:
    row.make(shop)
    if row.name == "vault is something else":
        (shop / "elsewhere").mkdir()
        shutil.copy(shop / "vault" / "keyring.json", shop / "elsewhere")
        (shop / "bad.csv").rename(shop / "elsewhere" / "vault.db")
    before, folders = contents(shop), {path for path in shop.rglob("*") if path.is_dir()}
    assert_said_well(cartveil(*row.words), code=row.code, said=row.said)
    assert contents(shop) == before
    assert {path for path in shop.rglob("*") if path.is_dir()} == folders


@pytest.mark.parametrize("share", [place / 17 for place in range(1, 17)])
def test_a_flipped_byte_anywhere_in_the_vault_is_found_or_makes_no_difference(share: float, shop: Path) -> None:
    """Much of a database file is unused; a byte that matters is found by `verify`, if not by the read itself."""
    right = cartveil(*READ, "--context", "case=C-7").out
    flipped("vault/vault.db", share)(shop)
    verified = cartveil("verify", "vault")
    shown = cartveil(*READ, "--context", "case=C-7")
    assert verified.code == 1 or shown.out == right
    assert "Traceback" not in verified.err + shown.err


@pytest.mark.parametrize("phrase", ["", "wrong horse"])
def test_without_the_passphrase_nothing_opens(shop: Path, monkeypatch: pytest.MonkeyPatch, phrase: str) -> None:
    monkeypatch.setenv("CARTVEIL_PASSPHRASE", phrase)
    assert_said_well(cartveil(*READ), code=1, said="passphrase")


SET_ASIDE = {
    "wrong type": ("o1,c1,item-1,many,2.5,2026-02-03 10:00:00", "wrong type: quantity: 1"),
    "date out of range": ("o1,c1,item-1,1,2.5,2926-02-03 10:00:00", "date out of range: 1"),
    "no date": ("o1,c1,item-1,1,2.5,32nd of May", "wrong type: time: 1"),
    "NULL in every column": (",,,,,", "missing subject: 1"),
    "price below zero": ("o1,c1,item-1,1,-2.5,2026-02-03 10:00:00", "impossible price: 1"),
}


@pytest.mark.parametrize("name", list(SET_ASIDE))
def test_a_bad_row_is_set_aside_and_counted(name: str, shop: Path) -> None:
    line, said = SET_ASIDE[name]
    bad_csv(ORDERS, "o2,c2,item-2,3,2.5,2026-02-04 10:00:00", line)(shop)
    done = cartveil(*PUT_ORDERS)
    assert done.code == 0, done.err
    assert done.err.splitlines() == ["cartveil: stored 1 rows of 1 consumers; set aside 1", f"cartveil:   {said}"]


def test_a_column_that_is_null_throughout_is_stored_as_null(shop: Path) -> None:
    bad_csv(HEADER, "c91,,+44 7700 900191,,1980-02-03,marketing")(shop)
    assert cartveil(*PUT).code == 0
    shown = cartveil("read", "vault", "customers", "c91", "--as", "c91:consumer", "--purpose", "self_service", "--json")
    assert '"name": null' in shown.out


def larger(shop: Path, rows: int) -> None:
    """Write orders of new consumers, enough for a put that takes a while."""
    lines = (f"b{n},n{n % 5000},item-{n % 12},1,2.5,2026-02-03 10:00:00" for n in range(rows))
    bad_csv(ORDERS, *lines)(shop)


def test_a_disk_that_is_full_leaves_the_vault_as_it_was(shop: Path) -> None:
    larger(shop, 20_000)
    # The kernel refuses to let any file grow beyond this, as a full disk would.
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
    done = cartveil_apart(*PUT_ORDERS, before=limit)
    assert_said_well(done, code=1, said="vault.db: disk")
    assert consumers_in(shop) == CONSUMERS


def test_a_disk_that_is_full_leaves_no_half_release(shop: Path) -> None:
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "from cartveil.faces import files\nkept = files.write_release\n"
    limit += "def full(*words, **more):\n"
    limit += "    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n    kept(*words, **more)\n"
    limit += "files.write_release = full"
    before = contents(shop)
    assert_said_well(cartveil_apart(*EXPORT, "events.parquet", before=limit), code=1, said="events.parquet: ")
    assert contents(shop) == before


#: Presses Ctrl-C when all rows are in the transaction and none is committed.
BEFORE_THE_COMMIT = """
import os, signal
from cartveil.guard.vault import journal
def interrupted(*words, **more):
    os.kill(os.getpid(), signal.SIGINT)
journal.write = interrupted
"""


def test_ctrl_c_before_the_commit_leaves_nothing(shop: Path) -> None:
    larger(shop, 20_000)
    done = cartveil_apart(*PUT_ORDERS, before=BEFORE_THE_COMMIT)
    assert (done.code, done.out) == (1, "")
    assert done.err.strip() == "cartveil: interrupted\nhint: nothing was half-written"
    assert consumers_in(shop) == CONSUMERS


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5])
def test_ctrl_c_at_any_time_of_a_put_leaves_all_or_nothing(shop: Path, delay: float) -> None:
    larger(shop, 60_000)
    process = start(*PUT_ORDERS)
    while process.poll() is None and not (shop / "vault" / "vault.db-wal").exists():
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert "Traceback" not in err
    assert process.returncode in (0, 1)
    assert consumers_in(shop) in ((CONSUMERS, CONSUMERS + 5000) if process.returncode else (CONSUMERS + 5000,))


def consumers_in(shop: Path) -> int:
    done = cartveil("verify", "vault", "--json")
    assert done.code == 0, done.err
    return int(json.loads(done.out)["consumers"])


#: Root may write anywhere; without this right it is like everybody else.
LIKE_EVERYBODY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
assert libc.syscall({syscall}, header, (ctypes.c_uint32 * 6)()) == 0
"""


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("closed", (*EXPORT, "closed/events.parquet")),
        ("closed", ("init", "closed/vault")),
        ("closed", ("scan", "orders.csv", "--write", "closed/cartveil.toml")),
        ("closed", ("protect", ".", "--out", "closed/released")),
        ("vault", PUT),
    ],
)
def test_a_folder_that_may_not_be_written_to_is_said(folder: str, words: tuple[str, ...], shop: Path) -> None:
    syscall = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
    if syscall is None:
        pytest.skip("capset has another number here")
    bad_csv(HEADER, PERSON.replace("c1,", "c92,"))(shop)
    (shop / folder).mkdir(exist_ok=True)
    if folder == "vault":
        (shop / "vault" / "vault.db").chmod(0o400)
    (shop / folder).chmod(0o500)
    before = contents(shop)
    done = cartveil_apart(*words, before=LIKE_EVERYBODY.format(syscall=syscall))
    (shop / folder).chmod(0o700)
    (shop / "vault" / "vault.db").chmod(0o600)
    assert_said_well(done, code=1, said=folder)
    assert contents(shop) == before
    assert consumers_in(shop) == CONSUMERS
