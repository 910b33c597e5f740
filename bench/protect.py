"""Values a second of each protection, on one core: `python -m bench.protect --json bench/results/protect.json`.

In the same run, taking turns: what the cipher allows, by `openssl speed` of AES-256, and the operators of Presidio over
the same values, called without its engine. Each figure is the median of `ROUNDS` runs, in thousand values a second of
processor time, as `openssl speed` counts it too; rows of tables are by the clock.

The first figure of each name is over distinct values of a usual form; `detail` has further forms and real repeats. A
table of up to 10^7 rows goes through `protect_parts`, Parquet to Parquet, in a process of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.protect_values import Values, peer_values, values
from bench.report import write_report
from cartveil.events.kinds import Kind
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.generalise import generalise
from cartveil.guard.protect.mask import mask
from cartveil.guard.protect.modes.suites import Suite
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.seal import Form, Place, seal, unseal
from cartveil.guard.protect.token import detokenise, token

ROUNDS = 7
KEY = SecretKey(bytes(range(32)))
PLACE = Place("shop", "orders", "phone")
TABLE_ROWS = (10**5, 10**6, 10**7)

#: What the issue of this release asks for, thousand values a second.
TARGETS = {"mask": 10_000, "pseudonym": 5_000, "token": 2_500, "fpe": 5_000, "seal": 500, "generalise": 100}

#: AES blocks that a value of at most 15 bytes takes: one of CMAC; one of CMAC and one of CTR; ten rounds; and of GCM
#: the hash key, the tag's mask and one of CTR. Masks and regions take none.
BLOCKS = {"pseudonym": 1, "token": 2, "fpe": 10, "seal": 3}

Case = tuple[Callable[[], Any], int]


def our_cases(made: Values) -> dict[str, Case]:
    """Return each measurement: a call, and the number of values that it serves."""
    cases: dict[str, Case] = {}
    for name, (kind, column) in made.masked.items():
        cases[f"mask {name}"] = partial(mask, column, kind=kind), len(column)
    for name, column in made.named.items():
        cases[f"pseudonym {name}"] = partial(pseudonym, column, KEY), len(column)
        cases[f"token {name}"] = partial(token, column, KEY), len(column)
        cases[f"detokenise {name}"] = partial(detokenise, token(column, KEY), KEY), len(column)
    for name, column in made.addresses.items():
        cases[f"generalise {name}"] = partial(generalise, column, kind=Kind.ADDRESS), len(column)
    return cases | _sealing(made) | _format_preserving(made)


def _sealing(made: Values) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    column = made.named["phones"]
    rows = pa.array(range(len(column)))
    for name, (keys, index) in made.owners.items():
        sealed = seal(column, keys, place=PLACE, rows=rows, index=index)
        for verb, call, given in (("seal", seal, column), ("unseal", unseal, sealed)):
            cases[f"{verb} {name}"] = partial(call, given, keys, place=PLACE, rows=rows, index=index), len(column)
    few = column.slice(0, len(column) // 10)
    sm4 = partial(seal, few, [KEY] * len(few), place=PLACE, rows=rows.slice(0, len(few)), form=Form(Suite.SM4_GCM))
    cases["seal one key, SM4"] = sm4, len(few)
    return cases


def _format_preserving(made: Values) -> dict[str, Case]:
    try:
        from cartveil.guard.protect.fpe import fpe
    except ImportError:
        return {}
    forms = {"16 digits": "digits", "cards": "payment_card"}
    return {
        f"fpe {name}": (partial(fpe, made.cards, KEY, form=form, tweak=("shop", "card")), len(made.cards))
        for name, form in forms.items()
    }


def presidio_cases(made: Values) -> dict[str, Case]:
    """Return Presidio's operators over the same phones, or nothing where it is not installed."""
    try:
        from presidio_anonymizer.operators import Encrypt, Hash, Mask
    except ImportError:
        return {}
    texts = peer_values(made)
    masking = {"chars_to_mask": 4, "masking_char": "*", "from_end": True}
    hashing, sealing = {"hash_type": "sha256", "salt": bytes(16)}, {"key": bytes(32)}
    operators = (("mask", Mask(), masking), ("hash", Hash(), hashing), ("encrypt", Encrypt(), sealing))
    return {
        name: (partial(_one_by_one, operator.operate, texts, given), len(texts)) for name, operator, given in operators
    }


def _one_by_one(operate: Callable[..., str], texts: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    return [operate(text, options) for text in texts]


def medians(cases: Mapping[str, Case], *, rounds: int = ROUNDS) -> dict[str, float]:
    """Return thousand values a second of each case, taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (call, _count) in cases.items():
            started = time.process_time()
            call()
            taken[name].append(time.process_time() - started)
    return {name: round(cases[name][1] / statistics.median(taken[name]) / 1000, 1) for name in cases}


def aes_blocks(*, rounds: int = 3, seconds: int = 1) -> float:
    """Return thousand AES-256 blocks a second on one core, as `openssl speed` says."""
    command = ["openssl", "speed", "-mr", "-seconds", str(seconds), "-bytes", "16384", "-evp", "aes-256-ecb"]
    found = []
    for _ in range(rounds):
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        line = next(line for line in told.splitlines() if line.startswith("+F:"))
        found.append(float(line.split(":")[-1]) / 16 / 1000)
    return statistics.median(found)


def table_figures() -> dict[str, Any]:
    """Return rows a second and peak memory of whole tables."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in TABLE_ROWS:
            command = [sys.executable, "-m", "bench.protect_table", "--rows", str(rows), "--folder", folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            figures[str(rows)] = json.loads(done.stdout)
    return figures


def run() -> dict[str, Any]:
    """Return all figures."""
    made = values(seed=0)
    cases = our_cases(made) | {f"presidio {name}": case for name, case in presidio_cases(made).items()}
    detail = medians(cases)
    blocks = aes_blocks()
    figures: dict[str, Any] = {name: detail.get(first) for name, first in FIRST.items()}
    figures["limit"] = {"aes_blocks": round(blocks, 1)} | {name: round(blocks / n, 1) for name, n in BLOCKS.items()}
    figures["presidio"] = {name[9:]: rate for name, rate in detail.items() if name.startswith("presidio ")}
    figures["targets"] = TARGETS
    figures["detail"] = {name: rate for name, rate in detail.items() if not name.startswith("presidio ")}
    figures["table"] = table_figures()
    return figures


#: The measurement that stands for each primitive.
FIRST = {
    "mask": "mask phones",
    "pseudonym": "pseudonym phones",
    "token": "token phones",
    "fpe": "fpe 16 digits",
    "seal": "seal own key",
    "generalise": "generalise mixed",
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pa.set_cpu_count(1)
    figures = run()
    for name, rate in figures["detail"].items():
        print(f"{name:34}{rate:12,.0f}")
    for name, rate in figures["presidio"].items():
        print(f"presidio {name:25}{rate:12,.0f}")
    for name, rate in figures["limit"].items():
        print(f"limit {name:28}{rate:12,.0f}")
    for rows, found in figures["table"].items():
        print(f"table of {int(rows):>10,} rows  {found['rows_a_second']:12,.0f} rows/s  {found['peak_mib']:6,.0f} MiB")
    if figures["fpe"] is None:
        print("fpe: not in this version", file=sys.stderr)
    if arguments.json:
        write_report(arguments.json, figures, seeds=[0], threads=1)


if __name__ == "__main__":
    main()
