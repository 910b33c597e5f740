"""The ten steps of a run in order, each timed, each saying what it did."""

import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from cartveil.errors import InputError
from cartveil.faces.files import make_folder
from cartveil.faces.run import guarding, learning, reporting
from cartveil.faces.run.rehearsal import Rehearsal

#: A folder that a run made holds this file.
MARKER = ".cartveil-run"

#: Does a part of the job and says what it did: a headline, and lines of detail.
Step = Callable[[Rehearsal], str]


def _scan(run: Rehearsal) -> str:
    """Scan, and take the output folder only when there is something to do in it."""
    said = guarding.scan(run)
    take_folder(run.out)
    return said


STEPS: tuple[tuple[str, Step], ...] = (
    ("scan", _scan),
    ("clean", guarding.clean),
    ("protect and put", guarding.put),
    ("read", guarding.read),
    ("export", guarding.export),
    ("learn", learning.learn),
    ("forecast", learning.forecast),
    ("watch", learning.watch),
    ("erase", guarding.erase),
    ("report", reporting.report),
)


def rehearse(run: Rehearsal) -> dict[str, object]:
    """Do the whole main job.

    Returns:
        The report as plain data; see `cartveil.faces.console.report`.

    Raises:
        InputError: The output folder holds something that no run made.
    """
    refuse_foreign(run.out)
    started, timings = time.perf_counter(), []
    with run.closing:
        for number, (name, step) in enumerate(STEPS, start=1):
            begun = time.perf_counter()
            said = step(run)
            seconds = time.perf_counter() - begun
            headline, *details = said.splitlines()
            timings.append({"name": name, "seconds": round(seconds, 2), "peak_mib": peak_mib(), "what": headline})
            run.talk(f"{number:2}/{len(STEPS)} {name}: {headline} ({seconds:.1f} s)")
            for line in details:
                run.talk(f"      {line}")
            run.report["steps"] = timings
    run.report["seconds"] = round(time.perf_counter() - started, 1)
    return run.report


def peak_mib() -> int:
    """Return the largest memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def refuse_foreign(out: Path) -> None:
    """Refuse an output folder that holds something that no run made."""
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / MARKER).exists())):
        hint = "choose another folder with --out; a run never writes into a folder that it did not make"
        raise InputError("exists already and is not a run's output", path=str(out), hint=hint)


def take_folder(out: Path) -> None:
    """Make the output folder, or empty the one of an earlier run; `InputError` where it is somebody else's."""
    refuse_foreign(out)
    for folder in ("vault", "set_aside", "learned"):
        shutil.rmtree(out / folder, ignore_errors=True)
        make_folder(out / folder)
    for name in ("report.html", "report.json", "receipt.json", "checkpoint.txt"):
        (out / name).unlink(missing_ok=True)
    (out / MARKER).touch()
