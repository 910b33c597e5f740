"""`run` and `demo`: the whole main job in one command."""

import secrets
from pathlib import Path

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json, progress, talk

_SEED = click.option("--seed", type=int, default=0, show_default=True, help="Of models and synthetic data.")


@click.command()
@click.argument("source", type=FILE)
@click.option("--out", type=FILE, help="Output folder; else `NAME-run` beside you.")
@_SEED
@as_json
def run(source: Path, out: Path | None, seed: int, as_json: bool) -> None:
    """Do the whole main job on your own tables: SOURCE is cartveil.toml, or a folder of tables.

    A run is a rehearsal: it makes a vault of its own in the output folder, lets a made-up staff read it and
    erases one consumer from it. Your files are not changed.
    """
    home = source if source.is_dir() else source.parent
    target = out or Path(f"{home.resolve().name or 'cartveil'}-run")
    _rehearse(source, target, seed=seed, as_json=as_json, title=home.resolve().name, synthetic=False)


@click.command()
@click.option("--out", type=FILE, default="cartveil-demo", show_default=True, help="Output folder.")
@_SEED
@as_json
def demo(out: Path, seed: int, as_json: bool) -> None:
    """Do the whole main job on real purchases of synthetic consumers."""
    from cartveil.faces.assemble import need_learning
    from cartveil.faces.demo import write_demo_folder

    need_learning("demo")
    from cartveil.faces.run import take_folder

    take_folder(out)
    folder = write_demo_folder(out / "shop", seed=seed)
    talk(f"wrote {folder}: real purchases (UCI Online Retail), every identity in it is synthetic")
    _rehearse(folder, out, seed=seed, as_json=as_json, title="Online Retail", synthetic=True)


def _rehearse(source: Path, out: Path, *, seed: int, as_json: bool, title: str, synthetic: bool) -> None:
    from cartveil.faces.assemble import need_learning, now
    from cartveil.faces.run import Rehearsal, rehearse

    need_learning("run")
    # The vault of a rehearsal is for looking at afterwards, so its passphrase stays beside it.
    passphrase = secrets.token_urlsafe(18)
    work = Rehearsal(
        source, out, passphrase, now(), seed=seed, title=title, synthetic=synthetic, talk=talk, progress=progress
    )
    report = rehearse(work)
    talk(f"done in {report['seconds']} s; open {out / 'report.html'}")
    if as_json:
        emit_json({"steps": report["steps"], "recommend": report.get("recommend"), "seconds": report["seconds"]})
