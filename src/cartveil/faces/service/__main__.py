"""The command `python -m cartveil.faces.service`."""

import sys

import click

from cartveil.errors import CartveilError
from cartveil.faces.service.serving import HOST, PORT, serve


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default=HOST, show_default=True, help="Address to listen on.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
def main(host: str, port: int) -> None:
    """Let anyone who reaches this address check receipts of erasure."""
    try:
        serve(host=host, port=port, started=lambda url: click.echo(f"cartveil: listening on {url}", err=True))
    except CartveilError as error:
        click.echo(f"cartveil: {error}\nhint: {error.hint}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(prog_name="python -m cartveil.faces.service")
