"""The command `cartveil` as a person meets it, and a small shop in files: for the tests of the command line."""

import csv
import io
import os
import random
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cartveil.faces.cli import main

PASSPHRASE = "correct horse"

SCHEMA = """
name = "shop"
[tables.customers.columns]
customer_id = { kind = "user_id", role = "subject" }
name = "person_name"
mobile = "phone"
address = "address"
birth_date = "birth_date"
consent = { kind = "consent", role = "consent" }
[tables.orders.columns]
order_id = { kind = "order_id", role = "order" }
customer_id = { kind = "user_id", role = "subject" }
item = { kind = "product", role = "item" }
quantity = { kind = "quantity", role = "quantity" }
price = { kind = "amount", role = "amount" }
time = { kind = "event_time", role = "time" }
"""

#: Stands in every value that names somebody, and must never be seen in a complaint.
CANARY = "Zzyzx"
CONSUMERS, WEEKS = 40, 26


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def cartveil(*words: str | Path) -> Done:
    """Run one command in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            code = int(left.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def start(*words: str | Path, before: str = "") -> subprocess.Popen[str]:
    """Start one command in a process of its own, for what signals and limits do to it."""
    code = f"import sys\n{before}\nfrom cartveil.faces.cli import main\nmain(sys.argv[1:])"
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def cartveil_apart(*words: str | Path, before: str = "") -> Done:
    """Run one command in a process of its own, after some code such as a limit."""
    process = start(*words, before=before)
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


def write_shop(folder: Path) -> None:
    """Write customers, half a year of orders, and the schema."""
    (folder / "cartveil.toml").write_text(SCHEMA, encoding="utf-8")
    dice = random.Random(4)
    with (folder / "customers.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["customer_id", "name", "mobile", "address", "birth_date", "consent"])
        for number in range(CONSUMERS):
            agreed = "recommendation;marketing" if number % 4 else "marketing"
            person = (f"{CANARY} Wilson", f"+44 7700 9001{number:02d}", f"{number} {CANARY} Street, Leeds LS1 4AP")
            out.writerow([f"c{number}", *person, f"19{50 + number}-02-03", agreed])
    with (folder / "orders.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["order_id", "customer_id", "item", "quantity", "price", "time"])
        first = datetime(2026, 1, 5, 9, tzinfo=UTC)
        for number in range(CONSUMERS * 8):
            buyer = number % CONSUMERS
            moment = first + timedelta(days=dice.randrange(7 * WEEKS), minutes=dice.randrange(600))
            for item in sorted({buyer % 6, dice.randrange(12)}):
                written = moment.strftime("%Y-%m-%d %H:%M:%S")
                out.writerow([f"o{number}", f"c{buyer}", f"item-{item}", dice.randint(1, 5), 2.5 + item, written])


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the shop and, in `vault`, what it holds; to be copied, not changed."""
    from cartveil.events.schema import load_schema
    from cartveil.faces.assemble import now, read_clean
    from cartveil.guard.keys import Keyring, ScryptProfile
    from cartveil.guard.policy import Principal
    from cartveil.guard.vault import Vault

    folder = tmp_path_factory.mktemp("filled")
    write_shop(folder)
    (folder / "vault").mkdir()
    schema = load_schema(folder)
    # The keyring remembers how hard its passphrase is to guess; a test need not wait for that.
    quick = ScryptProfile("test", cost=2)
    keyring = Keyring.create(folder / "vault" / "keyring.json", PASSPHRASE, tenant=schema.tenant, profile=quick)
    with Vault.create(folder / "vault" / "vault.db", keyring, schema, clock=now) as vault:
        for table in schema.tables:
            vault.put(Principal("ops", "admin"), table.name, read_clean(schema, table).kept.table)
    return folder
