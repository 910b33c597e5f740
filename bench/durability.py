"""Nothing acknowledged is lost: `python -m bench.durability --json FILE`.

    sqlite      a writer of its own process is killed with SIGKILL at random moments; after each kill everything it
                acknowledged is looked for, and in the end the whole vault verifies
    postgresql  the same with a vault in a server of the bench's own
    server      every process of that server is killed with SIGKILL after some puts, and it starts again
    power       a writer's system calls are recorded with strace; the power is cut at random points of the record, see
                `bench.crashes`; the vault that is left on the disk is opened and verified
    unflushed   the same record without the flushes of the WAL: what the simulation finds where there is something

Per part: kills or cuts, acts acknowledged, acts lost, vaults that did not verify, seconds.
"""

import argparse
import contextlib
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.crashes import (
    ADMIN,
    Call,
    Said,
    after_power_cut,
    kill_while_writing,
    laid_out,
    lost,
    make,
    now,
    opened,
    orders,
    record,
    said_in,
)
from bench.report import write_report
from bench.server import Server, running_server
from cartveil.errors import CartveilError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault import Vault

SEED = 20261123

#: Seconds that a writer lives at most after it has opened the vault.
LIFE = 0.4

Figures = dict[str, Any]


def killed_writers(place: str, folder: Path, kills: int) -> Figures:
    """Kill writers one after another."""
    keyring, said, dice = make(place, folder), Said(), random.Random(SEED)
    gone, bad = 0, 0
    for kill in range(kills):
        kill_while_writing(place, keyring, said, seconds=dice.random() * LIFE)
        with opened(place, keyring) as vault:
            gone += lost(vault, said)
            bad += kill % 10 == 9 and not verifies(vault)
    with opened(place, keyring) as vault:
        bad += not verifies(vault)
    return {"kills": kills, "acknowledged": said.acts, "lost": gone, "unsound": bad}


def killed_server(server: Server, folder: Path, kills: int) -> Figures:
    """Kill the whole server, and start it again."""
    address, said = server.address("killed"), Said()
    keyring = make(address, folder)
    gone, bad = 0, 0
    for turn in range(kills):
        with opened(address, keyring) as vault:
            for number in range(turn * 20 + 1, turn * 20 + 11):
                vault.put(ADMIN, "orders", orders(number))
                said.hear(b"put %d\n" % number)
            server.kill()
            with contextlib.suppress(StorageError):
                vault.put(ADMIN, "orders", orders(turn * 20 + 15))
        server.start()
        with opened(address, keyring) as vault:
            gone += lost(vault, said)
            bad += not verifies(vault)
    return {"kills": kills, "acknowledged": said.acts, "lost": gone, "unsound": bad}


def power_cuts(folder: Path, cuts: int) -> tuple[Figures, Figures]:
    """Cut the power at random points of one record, with and without the flushes in it."""
    place = folder / "vault.db"
    keyring = make(str(place), folder)
    before = {file.name: file.read_bytes() for file in folder.glob("vault.db*")}
    calls = record(folder, "vault.db", count=60)
    unflushed = [call for call in calls if not (call.what == "flush" and call.file.endswith("-wal"))]
    return (
        cut_power(keyring, before, calls, (folder / "after", cuts)),
        cut_power(keyring, before, unflushed, (folder / "after", cuts)),
    )


def cut_power(keyring: Keyring, before: dict[str, bytes], calls: Sequence[Call], how: tuple[Path, int]) -> Figures:
    """Cut the power at random points, and look at each disk."""
    folder, cuts = how
    dice = random.Random(SEED)
    told = gone = bad = 0
    for _ in range(cuts):
        done = calls[: dice.randrange(len(calls) + 1)]
        left = laid_out(after_power_cut(before, done, dice), "vault.db", folder)
        said = said_in(done)
        told += said.acts
        try:
            with Vault.open(left, keyring, clock=now, witness=folder) as vault:
                gone += min(said.acts, lost(vault, said))
                bad += not verifies(vault)
        except CartveilError:
            gone, bad = gone + said.acts, bad + 1
    return {"cuts": cuts, "acknowledged": told, "lost": gone, "unsound": bad}


def verifies(vault: Vault) -> bool:
    """Return whether log, rows and consumers are sound."""
    try:
        vault.verify()
    except CartveilError:
        return False
    return True


def timed(work: Callable[[], Figures]) -> Figures:
    """Return figures with the seconds they took."""
    started = time.perf_counter()
    figures = work()
    return {**figures, "seconds": round(time.perf_counter() - started, 1)}


def main() -> None:
    """Run all parts and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--cuts", type=int, default=200)
    words = parser.parse_args()
    folders = [Path(tempfile.mkdtemp()) for _ in range(4)]
    figures: dict[str, Figures] = {}
    figures["sqlite"] = timed(lambda: killed_writers(str(folders[0] / "vault.db"), folders[0], words.kills))
    with running_server() as server:
        figures["postgresql"] = timed(lambda: killed_writers(server.address("writers"), folders[1], words.kills))
        figures["server"] = timed(lambda: killed_server(server, folders[2], words.server_kills))
    figures["power"], figures["unflushed"] = power_cuts(folders[3], words.cuts)
    for name, each in figures.items():
        print(name, *(f"{key}={value}" for key, value in each.items()))
    if words.json is not None:
        write_report(words.json, figures, seeds=[SEED], threads=1)


if __name__ == "__main__":
    main()
