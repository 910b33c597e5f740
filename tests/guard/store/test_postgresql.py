"""What is PostgreSQL's own: servers that refuse or lie, what its answers become, and what an erasure leaves there."""

import builtins
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cartveil.errors import CartveilError, InputError, IntegrityError, MissingExtraError, ReadError, StorageError
from cartveil.guard.keys import Keyring
from cartveil.guard.store import PostgreSQLStore
from cartveil.guard.store.connecting import check_server
from cartveil.guard.vault import Vault
from database import DATABASE, PASSWORD, USER, Server, in_schema, run
from shop import ADMIN, ANNA, CUSTOMERS, OFFICER, ORDERS, POLICY, SCHEMA, Clock, opened

CANARY = "13800138000"


@pytest.fixture
def store(address: str) -> Iterator[PostgreSQLStore]:
    store = PostgreSQLStore.create(address)
    yield store
    store.close()


ANSWERS = [
    ("53100", StorageError, "disk of the server is full"),
    ("53200", StorageError, "no room"),
    ("25006", StorageError, "cannot be written"),
    ("55P03", StorageError, "in use"),
    ("40P01", StorageError, "in use"),
    ("57014", StorageError, "interrupted"),
    ("54000", StorageError, "too large"),
    ("42501", StorageError, "may not do that"),
    ("58030", StorageError, "disk of the server failed"),
    ("42P01", IntegrityError, "not a vault"),
    ("23505", IntegrityError, "not a vault"),
    ("XX001", IntegrityError, "not a vault"),
    ("22P02", IntegrityError, "not a vault"),
]


@pytest.mark.parametrize(("state", "error", "message"), ANSWERS)
def test_each_answer_has_its_error_and_loses_its_text(
    store: PostgreSQLStore, state: str, error: type[CartveilError], message: str
) -> None:
    query = f"DO $$ BEGIN RAISE EXCEPTION '{CANARY}' USING ERRCODE = '{state}', DETAIL = '{CANARY}'; END $$"
    with pytest.raises(error, match=message) as caught, store.typed_errors():
        store.connection.execute(query)
    assert CANARY not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint
    assert caught.value.__suppress_context__


def test_a_connection_that_was_cut_says_so(store: PostgreSQLStore, address: str) -> None:
    (number,) = store.execute("SELECT pg_backend_pid()").fetchone()
    other = PostgreSQLStore.open(address)
    other.execute("SELECT pg_terminate_backend(?::int)", (number,))
    other.close()
    with pytest.raises(StorageError, match="connection was lost"), store.typed_errors():
        store.execute("SELECT pg_sleep(20)")
    with pytest.raises(StorageError, match="connection was lost"), store.typed_errors(), store.transaction():
        pass


REFUSED: dict[str, tuple[Callable[[Server], str], str]] = {
    "user": (lambda server: server.address().replace(USER, "stranger"), "refused"),
    "database": (lambda server: server.address().replace(DATABASE, "nothing"), "no such database"),
    "socket": (lambda server: f"postgresql://u@/d?host={server.folder}/nothing", "cannot be reached"),
    "port": (lambda server: "postgresql://u@127.0.0.1:1/d", "cannot be reached"),
    "host": (lambda server: "postgresql://u@host.invalid/d", "cannot be reached"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_no_connection_says_why(server: Server, what: str) -> None:
    address, message = REFUSED[what]
    with pytest.raises(StorageError, match=message) as caught:
        PostgreSQLStore.open(address(server))
    assert PASSWORD not in f"{caught.value} {caught.value.hint}"


def test_a_wrong_password_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong-horse")
    with pytest.raises(StorageError, match="user or password was refused") as caught:
        PostgreSQLStore.create(server.address("vault"))
    assert "wrong-horse" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"


def test_an_unknown_word_in_the_address_is_refused(database: str) -> None:
    with pytest.raises(InputError, match="no address"):
        PostgreSQLStore.open(in_schema(database, "a") + "&shema=b")


def test_a_schema_of_others_is_no_vault(address: str, database: str) -> None:
    with pytest.raises(IntegrityError, match="is not a vault"):
        PostgreSQLStore.open(in_schema(database, "public"))
    with pytest.raises(StorageError, match="exists already"):
        PostgreSQLStore.create(in_schema(database, "public"))
    with pytest.raises(ReadError, match="no such vault"):
        PostgreSQLStore.open(address)


def test_a_vault_of_another_layout_is_told_apart(store: PostgreSQLStore, address: str) -> None:
    store.connection.execute(f"COMMENT ON SCHEMA {store.address.schema} IS 'cartveil vault, layout 99'".encode())
    with pytest.raises(StorageError, match="layout 99"):
        PostgreSQLStore.open(address)


def test_commits_wait_for_the_disk(database: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=off")  # as a careless administrator may have set it
    shown = "SELECT current_setting('synchronous_commit')"
    weak = PostgreSQLStore.create(address, survive_power_loss=False)
    assert weak.execute(shown).fetchone() == ("off",)
    weak.close()
    again = PostgreSQLStore.open(address)
    assert again.execute(shown).fetchone() == ("on",)
    again.close()


def test_a_server_that_does_not_wait_for_its_disk_is_refused(
    store: PostgreSQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"server_encoding": "UTF8", "fsync": "off", "full_page_writes": "on", "synchronous_commit": "on"}
    monkeypatch.setattr("cartveil.guard.store.connecting._shown", lambda _, word: said[word])
    with pytest.raises(StorageError, match="does not wait for its disk"):
        check_server(store.address, store.connection, must_flush=True)
    check_server(store.address, store.connection, must_flush=False)
    said["server_encoding"] = "SQL_ASCII"
    with pytest.raises(StorageError, match="not in UTF-8"):
        check_server(store.address, store.connection, must_flush=False)


@pytest.mark.parametrize(("host", "fits"), [("10.0.0.7", False), ("127.0.0.1", True), ("::1", True), ("", True)])
def test_a_connection_that_others_can_read_is_refused(
    store: PostgreSQLStore, monkeypatch: pytest.MonkeyPatch, host: str, *, fits: bool
) -> None:
    monkeypatch.setattr("psycopg.ConnectionInfo.hostaddr", property(lambda _: host))
    if fits:
        check_server(store.address, store.connection, must_flush=True)
        return
    with pytest.raises(StorageError, match="not encrypted"):
        check_server(store.address, store.connection, must_flush=True)


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("psycopg"):
            raise ImportError(name)
        return original(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        PostgreSQLStore.open("postgresql://u@h/d")
    assert caught.value.hint == "pip install 'cartveil[postgres]'"


def test_a_cell_that_is_none_is_noticed(store: PostgreSQLStore) -> None:
    for bits in ("", "00000001", "1", "0000001111111111"):
        with pytest.raises(IntegrityError, match="stored value was changed"):
            store.execute(f"SELECT B'{bits}'::bit varying").fetchone()


def test_a_vault_that_may_only_be_read_says_so(address: str, keyring: Keyring, clock: Clock) -> None:
    with Vault.create(PostgreSQLStore.create(address), keyring, SCHEMA, clock=clock, policy=POLICY) as vault:
        vault.put(ADMIN, "customers", CUSTOMERS)
        vault._room.store.execute("SET default_transaction_read_only = on")
        with pytest.raises(StorageError, match="cannot be written"):
            vault.read(ANNA, "customers", "101", purpose="support")  # no entry, no answer
        vault.verify()
        with pytest.raises(InputError, match="no file"):
            _ = vault.path
        assert vault.name.startswith("postgresql://")


def test_two_programs_share_a_vault(address: str, keyring: Keyring, clock: Clock) -> None:
    with Vault.create(PostgreSQLStore.create(address), keyring, SCHEMA, clock=clock, policy=POLICY) as one:
        one.put(ADMIN, "customers", CUSTOMERS)
        with opened(address, keyring) as other:
            other.put(ADMIN, "orders", ORDERS)
            assert one.read(ANNA, "orders", "101", purpose="support").rows.num_rows == 6
        one.verify()


def test_a_row_that_an_index_hides_is_noticed_where_amcheck_may_be_used(store: PostgreSQLStore, server: Server) -> None:
    grant = f"GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO {USER}"
    order(server, "CREATE EXTENSION IF NOT EXISTS amcheck", grant)
    store.define("CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;")
    store.insert("a", ("id",), [(number,) for number in range(100)])
    store.check()
    index = f"WHERE indexrelid = '{store.address.schema}.a_pkey'::regclass"
    order(server, f"UPDATE pg_index SET indisready = false {index}")  # noqa: S608 - made-up names
    store.execute("INSERT INTO a (id) VALUES (100)")
    order(server, f"UPDATE pg_index SET indisready = true {index}")  # noqa: S608 - made-up names
    with pytest.raises(IntegrityError), store.typed_errors():
        store.check()


def test_table_files_forget_and_the_wal_does_not(server: Server, address: str, keyring: Keyring, clock: Clock) -> None:
    """The limit is stated where people look for it: what the WAL keeps goes when the wrapping key goes."""
    with Vault.create(PostgreSQLStore.create(address), keyring, SCHEMA, clock=clock, policy=POLICY) as vault:
        vault.put(ADMIN, "customers", CUSTOMERS)
        vault.put(ADMIN, "orders", ORDERS)
        store = vault._room.store
        wrapped, sealed = store.execute("SELECT data_key, subject FROM consumers WHERE id = 1").fetchone()
        (phone,) = store.execute("SELECT c2 FROM records_1 WHERE consumer = 1").fetchone()
        needles = (wrapped, sealed, phone)
        order(server, "CHECKPOINT")
        assert all(needle in files(server, "base") for needle in needles)
        vault.erase(OFFICER, "101")
        order(server, "CHECKPOINT")
        assert not any(needle in files(server, "base") for needle in needles)
        assert wrapped in files(server, "pg_wal")


def order(server: Server, *statements: str) -> None:
    """Let the server's administrator do something."""
    boss = {"PGHOST": str(server.folder), "PGUSER": "boss", "PGPASSWORD": PASSWORD}
    words = [word for statement in statements for word in ("-c", statement)]
    run(server.programs / "psql", "-qd", DATABASE, *words, **boss)


def files(server: Server, part: str) -> bytes:
    return b"".join(
        path.read_bytes() for path in sorted(Path(server.folder, "data", part).rglob("*")) if path.is_file()
    )
