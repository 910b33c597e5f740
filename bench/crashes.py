"""Programs that die while they write, and disks that lose what was not flushed: made to happen, then looked at.

A kill takes the program: what it handed to the operating system stays. A power cut takes also what the operating
system had not yet put on the disk. For that a writer's system calls are recorded with strace, every write with its
bytes; at any point of the record the disk holds what was flushed before, and of each later write nothing, all, or some
of its sectors, whichever a coin says. An acknowledgement is the line that the writer prints when a call returned.
"""

import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from cartveil.events.schema import parse_schema
from cartveil.guard.keys import Keyring, ScryptProfile
from cartveil.guard.policy import Principal
from cartveil.guard.store import PostgreSQLStore, SQLiteStore, Store
from cartveil.guard.store.address import is_address
from cartveil.guard.vault import Vault

SCHEMA = parse_schema(
    """
    name = "shop"
    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    order = { kind = "order_id", protect = { method = "token", few_values = true } }
    phone = "phone"
    """
)

ADMIN, ANNA, OFFICER = Principal("ops", "admin"), Principal("anna", "support"), Principal("olga", "privacy_officer")

#: Rows of one put, all of one consumer who is in no other.
ROWS = 3

#: Bytes that a disk writes whole or not at all.
SECTOR = 512


def now() -> datetime:
    """Return a time."""
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


def opened(place: str, keyring: Keyring) -> Vault:
    """Open the vault of a path or an address."""
    return Vault.open(PostgreSQLStore.open(place) if is_address(place) else place, keyring, clock=now)


def make(place: str, folder: Path, *, survive_power_loss: bool = True) -> Keyring:
    """Make a keyring in a folder, and a vault with one consumer, `c0`, at a path or an address.

    The first put of a process makes its self-tests; writers are forked from this one, and are to be hit at writing.
    """
    quick = ScryptProfile("bench", cost=2)
    keyring = Keyring.create(folder / "keyring.json", "correct horse", tenant="shop", profile=quick)
    store: Store = (
        PostgreSQLStore.create(place, survive_power_loss=survive_power_loss)
        if is_address(place)
        else SQLiteStore.create(Path(place), survive_power_loss=survive_power_loss)
    )
    with Vault.create(store, keyring, SCHEMA, clock=now) as vault:
        vault.put(ADMIN, "orders", orders(0))
        vault.read(ANNA, "orders", "c0", purpose="support")
    return keyring


def orders(number: int) -> pa.Table:
    """Return the rows of one put."""
    order = [f"A{number}-{line}" for line in range(ROWS)]
    return pa.table({"customer": [f"c{number}"] * ROWS, "order": order, "phone": [f"138{number:08d}"] * ROWS})


def write_on(vault: Vault, start: int, say: Callable[[bytes], object], *, count: int = 1 << 30) -> None:
    """Put one consumer after another, read each, erase every fifth, and say what is done once it is done."""
    for number in range(start, start + count):
        vault.put(ADMIN, "orders", orders(number))
        say(b"put %d\n" % number)
        vault.read(ANNA, "orders", f"c{number}", purpose="support")
        say(b"read %d\n" % number)
        if number % 5 == 4:
            vault.erase(OFFICER, f"c{number - 2}")
            say(b"erased %d\n" % (number - 2))


@dataclass
class Said:
    """What a writer acknowledged over all of its lives."""

    put: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    acts: int = 0

    def hear(self, text: bytes) -> None:
        """Add whole lines."""
        for line in text[: text.rfind(b"\n") + 1].decode().splitlines():
            verb, number = line.split()
            self.acts += 1
            if verb == "put":
                self.put.add(int(number))
            elif verb == "erased":
                self.erased.add(int(number))

    def next(self) -> int:
        """Return a number that no writer can have used, acknowledged or not."""
        return max(self.put, default=-5) // 5 * 5 + 10


def kill_while_writing(place: str, keyring: Keyring, said: Said, *, seconds: float) -> None:
    """Let a writer of its own process live for so long, then kill it with SIGKILL."""
    reading, writing = os.pipe()
    writer = multiprocessing.get_context("fork").Process(target=_live, args=(place, keyring, said.next(), writing))
    writer.start()
    os.close(writing)
    ready = os.read(reading, 1)  # opening takes its time; what is to be hit is the writing
    time.sleep(seconds)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    with os.fdopen(reading, "rb") as pipe:
        said.hear(pipe.read())
    if not ready:
        raise RuntimeError("the writer could not open the vault")


def _live(place: str, keyring: Keyring, start: int, writing: int) -> None:
    with opened(place, keyring) as vault:
        os.write(writing, b"\n")
        write_on(vault, start, lambda line: os.write(writing, line))


def lost(vault: Vault, said: Said) -> int:
    """Return how many acknowledged acts are not in the vault: rows, receipts and entries of the log."""
    rows = vault.counts()["rows"]
    store = vault._room.store
    present = {lookup for (lookup,) in store.execute("SELECT lookup FROM consumers")}
    states = dict(store.execute("SELECT lookup, state FROM erasures").fetchall())
    code = vault._room.lookup
    gone = [number for number in said.put if code(f"c{number}") not in present | states.keys()]
    back = [
        number for number in said.erased if code(f"c{number}") in present or states.get(code(f"c{number}")) != "done"
    ]
    missing = max(0, said.acts - vault.counts()["entries"])
    short = max(0, (len(said.put) - len(states)) * ROWS - rows)
    return len(gone) + len(back) + missing + short


@dataclass(frozen=True)
class Call:
    """One recorded system call: a write of bytes, a flush or a cut of a file, or an acknowledgement."""

    what: str  # write, flush, cut, remove, said
    file: str
    data: bytes = b""
    offset: int = 0


_CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def record(folder: Path, name: str, *, count: int) -> list[Call]:
    """Run a writer under strace, and return what it wrote into files of a folder, and when it acknowledged what."""
    trace = folder / "trace"
    calls = "trace=openat,open,pwrite64,write,fsync,fdatasync,ftruncate,close,unlink,rename"
    code = "import sys; from bench.crashes import write_recorded; write_recorded(*sys.argv[1:])"
    words = ["strace", "-f", "-o", str(trace), "-e", calls, "-xx", "-s", "10000000", sys.executable, "-c", code]
    subprocess.run([*words, str(folder), name, str(count)], check=True, stdout=subprocess.DEVNULL, timeout=300)
    return list(_calls(trace.read_text(), folder))


def write_recorded(folder: str, name: str, count: str) -> None:
    """Write what is recorded, without erasures: they write beside the vault as well."""
    place = Path(folder, name)
    with opened(str(place), Keyring.open(Path(folder, "keyring.json"), "correct horse")) as vault:
        for number in range(1, int(count) + 1):
            vault.put(ADMIN, "orders", orders(number))
            os.write(1, b"put %d\n" % number)


def _calls(text: str, folder: Path) -> Iterator[Call]:
    """Yield what a record says about files of a folder."""
    files: dict[str, str] = {}
    for line in text.splitlines():
        found = _CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        call, words, answer = found[1], found[2], found[3]
        number = words.split(",")[0]
        if call in ("openat", "open") and _text(words).parent == folder:
            files[answer] = _text(words).name
        elif call == "close":
            files.pop(number, None)
        elif call == "unlink" and _text(words).parent == folder:
            yield Call("remove", _text(words).name)
        elif call == "write" and number == "1":
            yield Call("said", "", _data(words))
        elif number in files and call in _CHANGES:
            offset = int(words.rsplit(",", 1)[1]) if call in ("pwrite64", "ftruncate") else 0
            yield Call(_CHANGES[call], files[number], _data(words), offset)


#: System calls on an open file, and what each does to it.
_CHANGES = {"pwrite64": "write", "fsync": "flush", "fdatasync": "flush", "ftruncate": "cut"}


def _data(words: str) -> bytes:
    found = _BYTES.search(words)
    return bytes.fromhex(found[1].replace("\\x", "")) if found else b""


def _text(words: str) -> Path:
    return Path(os.fsdecode(_data(words)))


def after_power_cut(before: dict[str, bytes], calls: Sequence[Call], dice: random.Random) -> dict[str, bytes]:
    """Return the files of a disk whose power was cut after these calls.

    Args:
        before: The files as they were on the disk.
        calls: What was done since.
        dice: Says which of the writes that were not flushed are there, and which of their sectors.
    """
    safe = {name: bytearray(data) for name, data in before.items()}
    waiting: dict[str, list[Call]] = {}
    for call in calls:
        if call.what == "flush":
            for each in waiting.pop(call.file, []):
                _apply(safe, each)
        elif call.what != "said":
            waiting.setdefault(call.file, []).append(call)
    for pending in waiting.values():
        chance = dice.random()
        for each in pending:
            for part in _left(each, chance, dice):
                _apply(safe, part)
    return {name: bytes(data) for name, data in safe.items()}


def _left(call: Call, chance: float, dice: random.Random) -> list[Call]:
    """Return what a disk has of a call that was not flushed: nothing, all, or some sectors."""
    if dice.random() < chance:
        return [call]
    starts = [start for start in range(0, len(call.data), SECTOR) if dice.random() < chance]
    return [Call("write", call.file, call.data[start : start + SECTOR], call.offset + start) for start in starts]


def _apply(files: dict[str, bytearray], call: Call) -> None:
    if call.what == "remove":
        files.pop(call.file, None)
        return
    data = files.setdefault(call.file, bytearray())
    if call.what == "cut":
        del data[call.offset :]
        data.extend(bytes(max(0, call.offset - len(data))))
        return
    data.extend(bytes(max(0, call.offset - len(data))))
    data[call.offset : call.offset + len(call.data)] = call.data


def said_in(calls: Sequence[Call]) -> Said:
    """Return what was acknowledged in a record."""
    said = Said()
    said.hear(b"".join(call.data for call in calls if call.what == "said"))
    return said


def laid_out(files: dict[str, bytes], name: str, folder: Path) -> Path:
    """Write the files of a disk into a new folder, without SQLite's shared memory, and return the vault's path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file, data in files.items():
        if file.startswith(name) and not file.endswith("-shm"):
            (folder / file).write_bytes(data)
    return folder / name
