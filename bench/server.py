"""A PostgreSQL server of one's own: made in a temporary folder, reached by a socket there, gone afterwards."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: The vault's own user; no superuser, as it should be anywhere.
USER, PASSWORD, DATABASE = "keeper", "made-up-for-tests", "vaults"

#: Where Debian and others keep what is not on the path.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


@dataclass
class Server:
    """A server's folder and programs; it ends with the process that started it, however that ends."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    def address(self, schema: str = "") -> str:
        """Return the address of a schema in the tests' database."""
        words = f"host={self.folder}" + (f"&schema={schema}" if schema else "")
        return f"postgresql://{USER}@/{DATABASE}?{words}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        place = ["-D", str(self.folder / "data"), "-c", f"unix_socket_directories={self.folder}"]
        command = [str(self.programs / "postgres"), *place, "-c", "listen_addresses=", "-c", "fsync=on"]
        with (self.folder / "log").open("ab") as log:
            words = ["setpriv", "--pdeathsig=QUIT", *_as_another(), *command]
            self.process = subprocess.Popen(words, cwd="/", stdout=log, stderr=log)
        end = time.monotonic() + 60
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder)]
        while subprocess.run(ready, check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill every process of it, as a crash of the machine would, but for what the kernel still holds."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            while _runs(self.folder):  # the others notice that it is gone, and go
                time.sleep(0.01)


def run(program: Path, *words: str, **more: str) -> None:
    """Run a program as a user that PostgreSQL accepts: never as root."""
    command = [*(["setpriv", *_as_another()] if os.geteuid() == 0 else []), str(program), *words]
    done = subprocess.run(
        command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **more}, timeout=120
    )
    if done.returncode:
        raise RuntimeError(f"{program.name}: {done.stdout.decode(errors='replace')}")


def _as_another() -> Sequence[str]:
    return ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def _runs(folder: Path) -> bool:
    """Return whether a process still works in a server's folder."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder / "data":
                return True
        except OSError:
            continue
    return False


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest, or None."""
    found = shutil.which("initdb")
    places = [Path("/").glob(place.lstrip("/")) for place in _PLACES]
    folders = [folder for each in places for folder in each if (folder / "initdb").exists()]
    return max(folders, key=lambda folder: folder.parent.name.zfill(8), default=Path(found).parent if found else None)


def missing() -> str | None:
    """Return why there can be no server, or None."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'cartveil[postgres]'"
    if "CARTVEIL_TEST_POSTGRES" not in os.environ and programs() is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    return None


def make_server(folder: Path, place: Path) -> Server:
    """Make and start a server with a database for the vault's user."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)  # in a folder that only its owner may enter
    words = ("--auth=scram-sha-256", f"--pwfile={secret}", "--username=boss", "--encoding=UTF8", "--locale=C.UTF-8")
    run(place / "initdb", "-D", str(folder / "data"), "--no-sync", *words)
    server = Server(folder, place)
    server.start()
    boss = {"PGHOST": str(folder), "PGUSER": "boss", "PGPASSWORD": PASSWORD}
    make_user = f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"
    run(place / "psql", "-qd", "postgres", "-c", make_user, "-c", f"CREATE DATABASE {DATABASE} OWNER {USER}", **boss)
    return server


@contextmanager
def running_server() -> Iterator[Server]:
    """Yield a server of this process's own; its password is where libpq looks for it.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    place = programs()
    if place is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="cartveil-pg-"))
    os.environ["PGPASSWORD"] = PASSWORD
    server = None
    try:
        server = make_server(folder, place)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
