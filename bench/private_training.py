"""Time and memory of one private training step, against plain `nn.LSTM` and Opacus, in one run.

    python -m bench.private_training --json bench/results/private_training.json

Variants: `torch`, stock `nn.LSTM` trained without privacy, which is 1; `opacus_hooks`, `opacus_functorch` and
`opacus_ghost`, Opacus' DPLSTM in its three ways; `tape` and `kernel`, Cartveil's private step in pure PyTorch and
compiled; `tape_plain` and `kernel_plain`, the same without privacy; `noise`, the noise of Cartveil's step alone.

Time: one thread, pinned to one core; all variants take turns in one process, and a ratio is the median over `--rounds`
of a variant's time over that of `torch` in the same turn. Seconds are those of the processor, which on a machine that
does nothing else are those of the clock. Memory: a process of its own for every variant, the most that it held over
three steps, less what the imports alone hold. Exactness: see `bench.private_exactness`.
"""

import argparse
import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.private_exactness import CASES, errors
from bench.private_steps import (
    SHAPES,
    TIERS,
    NotHereError,
    Shape,
    Step,
    cartveil_step,
    ghost_step,
    noise_step,
    opacus_step,
    torch_step,
)
from bench.report import write_report

STEPS_OF_MEMORY = 3
BASE = "torch"

VARIANTS: Mapping[str, Callable[[Shape], Step]] = {
    BASE: torch_step,
    "opacus_hooks": partial(opacus_step, functorch=False),
    "opacus_functorch": partial(opacus_step, functorch=True),
    "opacus_ghost": ghost_step,
    "tape": partial(cartveil_step, tier="tape", private=True),
    "tape_plain": partial(cartveil_step, tier="tape", private=False),
    "kernel": partial(cartveil_step, tier="kernel", private=True),
    "kernel_plain": partial(cartveil_step, tier="kernel", private=False),
    "noise": noise_step,
}


def pin() -> None:
    """Keep to one thread and one core."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def times(shape: Shape, names: Sequence[str], *, rounds: int) -> dict[str, list[float]]:
    """Return processor seconds of each variant's step, (rounds,), the variants taking turns."""
    steps = {name: VARIANTS[name](shape) for name in names}
    for step in steps.values():
        step()
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, step in steps.items():
            gc.collect()
            started = time.process_time()
            step()
            found[name].append(time.process_time() - started)
    return found


def peak(shape: Shape, name: str) -> float:
    """Return MiB that a process of its own held at most over a few steps, above what its imports hold."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        mebibytes: float = pool.apply(_peak_here, (shape, name))
    return mebibytes


def _peak_here(shape: Shape, name: str) -> float:
    pin()
    VARIANTS[name](Shape(2, 2, 2, 2, 3))()  # loads what is imported late
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here, see proc(5)
    base = _status("VmRSS")
    step = VARIANTS[name](shape)
    for _ in range(STEPS_OF_MEMORY):
        step()
    return (_status("VmHWM") - base) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def here(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the variants that can run on this machine, and why the others cannot."""
    found, missing = [], {}
    for name in names:
        try:
            VARIANTS[name](Shape(2, 2, 2, 2, 3))()
            found.append(name)
        except NotHereError as error:
            missing[name] = str(error)
    return found, missing


def rows(shape: str, seconds: Mapping[str, Sequence[float]], peaks: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return time and memory of all variants in one shape; memory where it was measured."""
    return [{"shape": shape, **_row(variant, seconds, peaks)} for variant in seconds]


def _row(variant: str, seconds: Mapping[str, Sequence[float]], peaks: Mapping[str, float]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "variant": variant,
        "time_ratio": ratio(seconds[variant], seconds[BASE]),
        "seconds": statistics.median(seconds[variant]),
    }
    if peaks:
        row |= {"memory_ratio": peaks[variant] / peaks[BASE], "peak_mib": peaks[variant]}
    return row


def ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of one variant's time over another's, turn by turn."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))


def over_own_plain(seconds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Return for each tier its private step's time over that of its own step without privacy.

    `step` is all of it; `clipping` leaves the noise out, whose cost depends on the number of weights alone.
    """
    found = {}
    for tier in TIERS:
        if f"{tier}_plain" in seconds and tier in seconds:
            plain = seconds[f"{tier}_plain"]
            found[tier] = {"step": ratio(seconds[tier], plain)}
            if "noise" in seconds:
                rest = [step - noise for step, noise in zip(seconds[tier], seconds["noise"], strict=True)]
                found[tier]["clipping"] = ratio(rest, plain)
    return found


def measured(turns: Mapping[str, Sequence[str]], *, rounds: int, memory: bool) -> dict[str, Any]:
    """Return time and memory of each shape's variants, printing each shape as it is done."""
    found: list[dict[str, Any]] = []
    over: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'shape':<12}{'variant':<18}{'seconds':>9}{'time':>8}{'MiB':>8}{'memory':>8}")
    for shape, variants in turns.items():
        seconds = times(SHAPES[shape], variants, rounds=rounds)
        peaks = {variant: peak(SHAPES[shape], variant) for variant in variants} if memory else {}
        found += rows(shape, seconds, peaks)
        over[shape] = over_own_plain(seconds)
        print("\n".join(_line(row) for row in found if row["shape"] == shape))
        for tier, ratios in over[shape].items():
            told = ", ".join(f"{part} {value:.2f}" for part, value in ratios.items())
            print(f"{shape:<12}{tier} over its own plain step: {told}", flush=True)
    return {"rows": found, "own_plain": over}


def summary(
    own_plain: Mapping[str, Mapping[str, Mapping[str, float]]], exact: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """Return the worst shape of the tier that is used here, and the largest error of every tier and case."""
    used = [tiers[max(tiers, key=list(TIERS).index)]["step"] for tiers in own_plain.values() if tiers]
    largest = [error for cases in exact.values() for error in cases.values()]
    return {
        "private_over_own_plain": max(used, default=None),
        "max_relative_error": max(largest, default=None),
        "relative_error": exact,
    }


def main() -> None:
    """Measure, print, and write the figures."""
    given = _arguments()
    pin()
    variants, missing = here([BASE, *(name for name in given.variants.split(",") if name != BASE)])
    for name, why in missing.items():
        print(f"{name}: left out, {why}")
    slow = set(given.shapes.split(",")) - set(given.opacus_shapes.split(","))
    turns = {
        shape: [name for name in variants if not (shape in slow and name.startswith("opacus"))]
        for shape in given.shapes.split(",")
    }
    figures = measured(turns, rounds=given.rounds, memory=not given.no_memory)
    tiers = [] if given.no_exactness else [tier for tier in TIERS if tier in variants]
    exact = {tier: errors(TIERS[tier], CASES) for tier in tiers}
    figures |= summary(figures["own_plain"], exact) | {"missing": missing, "rounds": given.rounds}
    print(f"private over own plain, worst shape: {figures['private_over_own_plain']}")
    print(f"largest relative error of a clipped sum: {figures['max_relative_error']}")
    if given.json:
        write_report(given.json, figures, seeds=[0], threads=1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="names, comma between")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="names, comma between")
    parser.add_argument(
        "--opacus-shapes", default="all,last,small", help="where Opacus takes turns; minutes a round in the others"
    )
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--no-exactness", action="store_true", help="leave the exactness out")
    return parser.parse_args()


def _line(row: Mapping[str, Any]) -> str:
    memory = f"{row['peak_mib']:8.0f}{row['memory_ratio']:8.2f}" if "peak_mib" in row else ""
    return f"{row['shape']:<12}{row['variant']:<18}{row['seconds']:9.3f}{row['time_ratio']:8.2f}{memory}"


if __name__ == "__main__":
    main()
