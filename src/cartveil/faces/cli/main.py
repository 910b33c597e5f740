"""The command `cartveil`: its verbs, and what every verb has in common.

Data goes to standard output, talk to standard error. Exit 0 is done, 1 is refused or failed, 2 is a wrong call or
unusable input. Every refusal is one line, and what to do is another.
"""

import os
import sys
import traceback
from pathlib import Path

import click

from cartveil.errors import CartveilError, StorageError
from cartveil.faces.cli.audit import audit, checkpoint, publish
from cartveil.faces.cli.budget import budget
from cartveil.faces.cli.data import protect, scan
from cartveil.faces.cli.erase import erase
from cartveil.faces.cli.evaluate import evaluate
from cartveil.faces.cli.explain import explain
from cartveil.faces.cli.find import find
from cartveil.faces.cli.forecast import forecast
from cartveil.faces.cli.keeping import backup, hold, holds, restore, sweep
from cartveil.faces.cli.keys import keys
from cartveil.faces.cli.learn import train
from cartveil.faces.cli.policy import policy
from cartveil.faces.cli.purchase import purchase
from cartveil.faces.cli.recommend import recommend
from cartveil.faces.cli.redact import redact
from cartveil.faces.cli.requests import access, correct, requests, restrict
from cartveil.faces.cli.risk import risk
from cartveil.faces.cli.vault import export, init, put, read, verify
from cartveil.faces.cli.watch import watch
from cartveil.faces.cli.whole import demo, run

_VERBS = (
    scan,
    protect,
    redact,
    init,
    put,
    read,
    find,
    export,
    risk,
    requests,
    access,
    correct,
    restrict,
    hold,
    holds,
    sweep,
    erase,
    backup,
    restore,
    verify,
    audit,
    checkpoint,
    publish,
    keys,
    policy,
    budget,
    train,
    recommend,
    explain,
    forecast,
    purchase,
    watch,
    evaluate,
    run,
    demo,
)


class _InOrder(click.Group):
    """List the verbs in the order of the data's way, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cartveil")
def cartveil() -> None:
    """Keep consumers' purchase data useful without exposing it."""


for _verb in _VERBS:
    cartveil.add_command(_verb)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code.

    Args:
        arguments: The words after `cartveil`; those of the process where None.
    """
    try:
        code = cartveil.main(args=arguments, prog_name="cartveil", standalone_mode=False)
    except click.exceptions.Abort:
        code = _fail("interrupted", hint="nothing was half-written", code=1)
    except click.UsageError as error:
        code = _fail(error.format_message(), hint=_usage_hint(error), code=2)
    except click.ClickException as error:
        code = _fail(error.format_message(), hint=None, code=error.exit_code)
    except CartveilError as error:
        code = _fail(str(error), hint=error.hint, code=error.exit_code)
    except KeyboardInterrupt:
        code = _fail("interrupted", hint="nothing was half-written", code=1)
    except BrokenPipeError:
        # The reader of our output left: not an error, but the interpreter must not flush into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        code = _fail(f"{place}{(error.strerror or 'system error').lower()}", hint=StorageError.usual_hint, code=1)
    except Exception as error:  # noqa: BLE001 - the last resort: a message of a library may quote a value of the data
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> int:
    """Say what kind of error came out, and where in our own code, but not its message: that may quote the data."""
    if os.environ.get("CARTVEIL_DEBUG") == "1":
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "cartveil" in Path(frame.filename).parts]
    place = f" in {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    hint = "this is a fault of Cartveil: report it; CARTVEIL_DEBUG=1 shows more, which may hold values of your data"
    return _fail(f"unexpected error: {type(error).__name__}{place}", hint=hint, code=1)


def _usage_hint(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx else "cartveil"
    return f"see `{command} --help`"


def _fail(message: str, *, hint: str | None, code: int) -> int:
    click.echo(f"cartveil: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code
