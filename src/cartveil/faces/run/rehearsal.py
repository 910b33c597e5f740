"""What the steps of a run hand on to each other.

A run is a rehearsal: it makes a vault of its own in the output folder, lets a made-up staff read it, erases one
consumer from it, and leaves the user's files as they are. Its clock is staged, so that some weeks of reading fit
into some seconds; every entry of its audit log says a staged time.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from cartveil.errors import InputError
from cartveil.events.kinds import Role
from cartveil.events.protected import ProtectedEvents
from cartveil.events.schema import Schema, Table
from cartveil.faces.assemble import Settings
from cartveil.guard.vault import Vault

Made = TypeVar("Made")

#: Label and number of parts -> a context in which to call after each part.
Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]

#: Staged days of staff reading between the first `put` and the present.
STAFF_DAYS = 28


@dataclass
class StagedClock:
    """A clock that is set by hand and moves on by a millisecond with every look at it."""

    moment: datetime

    def __call__(self) -> datetime:
        """Return the staged moment."""
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def set(self, moment: datetime) -> None:
        """Go to another moment, never back."""
        self.moment = max(self.moment, moment)


@dataclass
class Rehearsal:
    """What the steps hand on to each other.

    Args:
        source: `cartveil.toml`, or a folder of tables for which one is to be proposed.
        out: The output folder.
        passphrase: Of the keyring that the run makes.
        present: The moment at which the run began.
        seed: Of models and of the made-up staff.
        title: What the report is called.
        synthetic: Whether the consumers are synthetic, which the report then says wherever one shows.
        talk: Says a line to the person.
        progress: Shows how far a long step is.
    """

    source: Path
    out: Path
    passphrase: str = field(repr=False)
    present: datetime
    seed: int = 0
    title: str = "Cartveil"
    synthetic: bool = False
    talk: Callable[[str], None] = print
    progress: Progress = lambda label, length: nullcontext(lambda: None)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    report: dict[str, object] = field(default_factory=dict)
    closing: ExitStack = field(default_factory=ExitStack)
    _schema: Schema | None = None
    _vault: Vault | None = None
    _events: ProtectedEvents | None = None

    def __post_init__(self) -> None:
        midnight = self.present.replace(hour=0, minute=0, second=0, microsecond=0)
        self.staff_start = midnight - timedelta(days=STAFF_DAYS)
        self.clock = StagedClock(self.staff_start - timedelta(hours=4))

    @property
    def settings(self) -> Settings:
        """Return the settings of the vault that this run makes."""
        return Settings(passphrase=self.passphrase, clock=self.clock)

    @property
    def schema(self) -> Schema:
        """Return the schema, once the scan has found or proposed it."""
        return _made(self._schema, "scan")

    @schema.setter
    def schema(self, schema: Schema) -> None:
        self._schema = schema

    @property
    def vault(self) -> Vault:
        """Return the open vault, once something was put."""
        return _made(self._vault, "protect and put")

    @vault.setter
    def vault(self, vault: Vault) -> None:
        self._vault = self.closing.enter_context(vault)

    @property
    def events(self) -> ProtectedEvents:
        """Return the release for recommendation, once it was exported."""
        return _made(self._events, "export")

    @events.setter
    def events(self, events: ProtectedEvents) -> None:
        self._events = events

    def has_events(self) -> bool:
        """Return whether a release was exported."""
        return self._events is not None

    @property
    def learned(self) -> Path:
        """Return the folder of releases and models."""
        return self.out / "learned"

    def people(self) -> Table:
        """Return the table that describes consumers: the one with a subject and no time, else the first with one."""
        return _pick(self.schema, with_time=False)

    def purchases(self) -> Table:
        """Return the table of purchases: subject, time and item."""
        return _pick(self.schema, with_time=True)


def _pick(schema: Schema, *, with_time: bool) -> Table:
    subjects = [table for table in schema.tables if table.by_role(Role.SUBJECT)]
    for table in subjects:
        if (table.by_role(Role.TIME) is not None) is with_time and (not with_time or table.by_role(Role.ITEM)):
            return table
    if subjects and not with_time:
        return subjects[0]
    wanted = "the roles `subject`, `time` and `item`" if with_time else "the role `subject`"
    raise InputError(
        f"no table has {wanted}", path=schema.name, hint=f"give the roles in {schema.folder}/cartveil.toml"
    )


def _made(value: Made | None, step: str) -> Made:
    if value is None:
        raise InputError(f"the step `{step}` has not been done", path="run")
    return value
