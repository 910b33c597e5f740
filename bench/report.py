"""What every benchmark writes beside its figures, so that a reader knows where they come from."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: Packages whose versions can move a figure.
PACKAGES = (
    "cartveil",
    "torch",
    "numpy",
    "pyarrow",
    "cryptography",
    "cedarpy",
    "safetensors",
    "dp-accounting",
    "opacus",
)


def write_report(
    path: str | Path, figures: Mapping[str, Any], *, seeds: Sequence[int] = (), threads: int | None = None
) -> None:
    """Write figures as JSON, with date, package versions, processor, threads and seeds."""
    document = {**figures, "seeds": list(seeds), "environment": environment(threads=threads)}
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def environment(*, threads: int | None = None) -> dict[str, Any]:
    """Return where and with what a figure was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
    }


def mean_and_spread(values: Sequence[Any]) -> tuple[Any, Any]:
    """Return mean and sample standard deviation of nested dictionaries of numbers, key by key."""
    if isinstance(values[0], Mapping):
        pairs = {key: mean_and_spread([value[key] for value in values]) for key in values[0]}
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    mean = sum(values) / len(values)
    square = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    return mean, square**0.5


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
