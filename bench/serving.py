"""Serving: how long one list takes, in the process and over HTTP, and how many lists a second a process makes.

    python -m bench.serving --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE [--model FOLDER]

Every request holds the whole history of a consumer drawn from the release, up to the latest 300 events, and asks for
ten items. The service runs as a process of its own with one model, one worker and one computing thread; the clients
are threads of this process with a kept connection each, so that on a small machine both share its cores. First one
client alone gives the latencies, then several give the requests a second. `health` is the same for a route that does
nothing: what HTTP alone costs.
"""

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.next_basket import protected
from bench.report import write_report
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.decisions.recommend import train_recommender
from cartveil.insight.decisions.recommend.loading import load_recommender

#: Consumers whose histories are asked with, and the events of each that are sent.
CONSUMERS, LATEST = 200, 300


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="A recommender of this data; else one is trained.")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    events = protected(pq.read_table(arguments.data))
    with tempfile.TemporaryDirectory() as place:
        model = arguments.model or trained(events, Path(place) / "model")
        figures = measure(model, histories(events), requests=arguments.requests, clients=arguments.clients)
    for name, value in figures.items():
        print(f"{name:24} {value}")
    write_report(arguments.json, figures, threads=1)


def trained(events: ProtectedEvents, folder: Path) -> Path:
    """Train and save a recommender."""
    train_recommender(events, on_progress=lambda line: print(line, file=sys.stderr)).save(folder)
    return folder


def histories(events: ProtectedEvents) -> list[pa.Table]:
    """Return the latest events of consumers, spread over the release."""
    subjects = events.table["subject"].unique().to_pylist()
    chosen = np.random.default_rng(0).choice(len(subjects), min(CONSUMERS, len(subjects)), replace=False)
    return [table.slice(max(len(table) - LATEST, 0)) for at in chosen for table in (events.of(subjects[at]),)]


def measure(model: Path, past: Sequence[pa.Table], *, requests: int, clients: int) -> dict[str, Any]:
    """Return latencies in milliseconds, and requests a second."""
    recommender = load_recommender(model)
    recommender.recommend(past[0])
    inside = [_timed(lambda table=table: recommender.recommend(table, 10)) for table in past]
    bodies = [_body(table) for table in past]
    with _service(model) as address:
        _asked(address, "/recommend", bodies[:20])  # warm
        alone = _asked(address, "/recommend", [bodies[at % len(bodies)] for at in range(requests)])
        nothing = _asked(address, "/health", [b""] * requests)
        rate = _together(address, bodies, requests, clients)
    return {
        "p50_ms": _at(alone, 50),
        "p99_ms": _at(alone, 99),
        "requests_per_second": rate,
        "in_process": {"p50_ms": _at(inside, 50), "p99_ms": _at(inside, 99)},
        "health": {"p50_ms": _at(nothing, 50), "p99_ms": _at(nothing, 99)},
        "clients": clients,
        "requests": requests,
        "items": len(recommender.vocabulary.words),
        "events_of_a_request": float(np.mean([len(table) for table in past])),
    }


def _timed(act: Any) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _at(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent) * 1000)


def _body(table: pa.Table) -> bytes:
    names = [name for name in ("item", "time", "order", "quantity") if name in table.column_names]
    rows = table.select(names).to_pylist()
    return json.dumps({"history": [{**row, "time": row["time"].isoformat()} for row in rows], "k": 10}).encode()


@contextmanager
def _service(model: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "cartveil.faces.service", "--port", "0", "--model", str(model)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline() if process.stderr else ""
        yield urlsplit(line.removeprefix("cartveil: listening on ").strip()).netloc
    finally:
        process.terminate()
        process.wait()


def _asked(address: str, route: str, bodies: Sequence[bytes]) -> list[float]:
    """Ask one after the other over one connection; return seconds of each."""
    connection, found = http.client.HTTPConnection(address, timeout=60), []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST" if body else "GET", route, body or None)
        answer = connection.getresponse()
        text = answer.read()
        found.append(time.perf_counter() - started)
        if answer.status != 200:
            raise RuntimeError(f"{route}: {answer.status} {text[:200]!r}")
    connection.close()
    return found


def _together(address: str, bodies: Sequence[bytes], requests: int, clients: int) -> float:
    each = requests // clients
    parts = [[bodies[(at * clients + number) % len(bodies)] for at in range(each)] for number in range(clients)]
    threads = [threading.Thread(target=_asked, args=(address, "/recommend", part)) for part in parts]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * clients / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
