"""The command `python -m cartveil.faces.service`."""

import sys
from pathlib import Path

import click

from cartveil.errors import CartveilError, InputError
from cartveil.faces.service.recommending import Counter, open_counter
from cartveil.faces.service.serving import HOST, PORT, serve
from cartveil.faces.service.witness import PUBLIC_KEY_BYTES, Witness


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default=HOST, show_default=True, help="Address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--witness", type=click.Path(path_type=Path), help="Keep checkpoints of others' logs in this folder.")
@click.option("--log", "logs", multiple=True, metavar="ORIGIN=KEY", help="A log to keep checkpoints of, and its key.")
@click.option("--model", type=click.Path(path_type=Path), help="Make lists with this recommender.")
@click.option("--catalogue", type=click.Path(path_type=Path), help="What the shop sells; lists hold nothing else.")
def main(
    host: str, port: int, witness: Path | None, logs: tuple[str, ...], model: Path | None, catalogue: Path | None
) -> None:
    """Let anyone who reaches this address check receipts of erasure, keep checkpoints of logs, and ask for lists."""
    try:
        known = Witness(witness, dict(map(_log, logs))) if witness is not None else None
        counter = _counter(model, catalogue)
        serve(host=host, port=port, witness=known, counter=counter, started=_say)
    except CartveilError as error:
        click.echo(f"cartveil: {error}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)


def _counter(model: Path | None, catalogue: Path | None) -> Counter | None:
    if model is None and catalogue is not None:
        raise InputError("there is no model to make lists with", path="--catalogue", hint="name one with --model")
    return None if model is None else open_counter(model, catalogue)


def _say(url: str) -> None:
    click.echo(f"cartveil: listening on {url}", err=True)


def _log(text: str) -> tuple[str, bytes]:
    origin, _, key = text.rpartition("=")
    try:
        public_key = bytes.fromhex(key)
        if not origin or len(public_key) != PUBLIC_KEY_BYTES:
            raise ValueError
    except ValueError:
        hint = "write it as `cartveil/shop=9f2c...`; `cartveil verify FOLDER` prints the key"
        raise InputError("not an origin and a key in hexadecimal", path="--log", hint=hint) from None
    return origin, public_key


if __name__ == "__main__":
    main(prog_name="python -m cartveil.faces.service")
