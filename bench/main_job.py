"""Seconds and peak memory of each step of the demo: `python -m bench.main_job --json FILE`.

The demo runs as a newcomer would run it, as a whole process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import write_report

#: What the demo may take on two cores: seconds, and MiB of memory.
LIMIT_SECONDS, LIMIT_MIB = 120.0, 2048


def main() -> None:
    """Run the demo, print a table, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from cartveil.faces.cli import main; main()", "demo"]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--out", f"{folder}/demo", "--seed", str(arguments.seed), "--json"],
            check=True,
            stdout=subprocess.PIPE,
        )
        wall = time.perf_counter() - started
    result = json.loads(done.stdout)
    peak = max(step["peak_mib"] for step in result["steps"])
    for step in result["steps"]:
        print(f"{step['name']:16} {step['seconds']:7.1f} s  {step['peak_mib']:6,} MiB")
    print(f"{'whole process':16} {wall:7.1f} s  {peak:6,} MiB  (limits {LIMIT_SECONDS:.0f} s, {LIMIT_MIB:,} MiB)")
    steps = [{name: step[name] for name in ("name", "seconds", "peak_mib")} for step in result["steps"]]
    whole = {"seconds": round(wall, 1), "peak_mib": peak, "seconds_over_limit": round(wall / LIMIT_SECONDS, 3)}
    write_report(arguments.json, {"steps": steps, "whole": whole}, seeds=[arguments.seed])


if __name__ == "__main__":
    main()
