"""`risk`: what a release gives away, alone and beside another one."""

from dataclasses import asdict
from pathlib import Path

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json


@click.command()
@click.argument("release", type=FILE)
@click.option("--against", type=FILE, help="Another release: how many consumers are found in both by their histories.")
@click.option("--width", default="1d", show_default=True, help="How exactly the time of a known purchase is known.")
@click.option("--sample", default=10_000, show_default=True, type=click.IntRange(min=1), help="Consumers to ask about.")
@click.option("--seed", default=0, show_default=True, help="Draws them and their known purchases.")
@as_json
def risk(release: Path, against: Path | None, width: str, sample: int, seed: int, as_json: bool) -> None:
    """Measure what RELEASE, a file that `export` wrote, tells about the people in it."""
    from cartveil.events.protected import load_protected
    from cartveil.guard.protect.risk import Study
    from cartveil.guard.protect.risk.report import Asked, report_on

    events = load_protected(release)
    quasi = [name for name in events.release.get("quasi", "").split("; ") if name]
    asked = Asked(quasi=quasi, suppressed=int(events.release.get("suppressed", "0")))
    report = report_on(events.table, asked, Study(seed=seed, sample=sample, width=width))
    found = _against(events.table, against, seed) if against is not None else []
    if as_json:
        emit_json({**report.to_dict(), "against": [asdict(one) for one in found]})
        return
    for line in report.in_words():
        click.echo(line)
    for one in found:
        how = f"items and times of {one.width}" if one.width else "items alone"
        click.echo(f"{one.linked:,} of {one.consumers:,} consumers ({one.share:.1%}) are found in {against} by {how}")


def _against(release, other: Path, seed: int):  # type: ignore[no-untyped-def]
    from cartveil.errors import InputError
    from cartveil.events.protected import load_protected
    from cartveil.guard.protect.risk import linkability
    from cartveil.guard.protect.risk.report import LINKED_WIDTH

    second = load_protected(other).table
    for table in (release, second):
        if not {"subject", "time", "item"} <= set(table.column_names):
            hint = "a release for `forecast` tells nobody apart: there is nobody to find again"
            raise InputError("two releases with consumers, times and items are needed", path="--against", hint=hint)
    return [linkability(release, second, width=width, seed=seed) for width in (LINKED_WIDTH, "")]
