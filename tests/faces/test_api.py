"""`cartveil.encrypt`, `decrypt`, `anonymize` and `access_control`, as users of each kind of table meet them."""

import copy
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

import cartveil
from cartveil.errors import DecryptionError, InputError, KeyringError, RefusedError
from cartveil.events.schema import parse_schema
from cartveil.faces.api import redact
from cartveil.guard.policy import Principal

KEY = bytes(range(32))
ROWS = [
    {
        "customer_id": f"c{number}",
        "name": "Emma Wilson" if number else None,
        "mobile": f"+44 7700 9001{number:02d}",
        "address": "12 High Street, Leeds LS1 4AP",
        "birth_date": date(1950 + number, 1, 2),
        "amount": 12.5 + number,
    }
    for number in range(30)
]
TABLE = pa.Table.from_pylist(ROWS)


def _file(folder: Path) -> Path:
    csv.write_csv(TABLE, folder / "customers.csv")
    return folder / "customers.csv"


FORMS: dict[str, Callable[[Path], Any]] = {
    "arrow": lambda _: TABLE,
    "pandas": lambda _: TABLE.to_pandas(),
    "polars": lambda _: pl.from_arrow(TABLE),
    "list of dicts": lambda _: copy.deepcopy(ROWS),
    "path": _file,
}
every_form = pytest.mark.parametrize("form", list(FORMS))


def rows_of(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, list):
        return data
    return data.to_dicts() if isinstance(data, pl.DataFrame) else pa.table(data).to_pylist()


def user(role: str, purpose: str, **more: object) -> dict[str, object]:
    return {"name": "lin", "role": role, "purpose": purpose, **more}


@every_form
def test_what_is_encrypted_comes_back_with_its_types(form: str, tmp_path: Path) -> None:
    sealed = cartveil.encrypt(FORMS[form](tmp_path), KEY)
    assert sealed.schema.types == [pa.binary()] * 6
    opened = cartveil.decrypt(sealed, KEY)
    assert opened.to_pylist() == ROWS
    assert opened.schema.types == TABLE.schema.types


@every_form
def test_the_callers_object_is_not_changed(form: str, tmp_path: Path) -> None:
    data = FORMS[form](tmp_path)
    before = data.read_bytes() if form == "path" else copy.deepcopy(data)
    cartveil.encrypt(data, KEY)
    cartveil.anonymize(data)
    cartveil.access_control(data, user("support", "support"))
    after = data.read_bytes() if form == "path" else data
    assert after.equals(before) if hasattr(after, "equals") else after == before


def test_equal_values_give_different_ciphertexts() -> None:
    addresses = cartveil.encrypt(TABLE, KEY)["address"].to_pylist()
    assert len(set(addresses)) == len(ROWS)


def test_another_key_and_a_changed_cell_are_not_told_apart() -> None:
    sealed = cartveil.encrypt(TABLE, KEY)
    cell = bytearray(sealed["name"][1].as_py())
    cell[-1] ^= 1
    changed = sealed.set_column(1, "name", pa.array([bytes(cell)] * len(ROWS), pa.binary()))
    said = set()
    for table, key in ((sealed, secrets.token_bytes(32)), (changed, KEY), (TABLE, KEY)):
        with pytest.raises(DecryptionError) as caught:
            cartveil.decrypt(table, key)
        said.add(str(caught.value))
    assert len(said) == 1


def test_an_encrypted_table_survives_a_file_and_a_filter(tmp_path: Path) -> None:
    pq.write_table(cartveil.encrypt(TABLE, KEY).slice(3, 2), tmp_path / "sealed.parquet")
    assert cartveil.decrypt(pq.read_table(tmp_path / "sealed.parquet"), KEY).to_pylist() == ROWS[3:5]


def test_encrypting_twice_is_refused() -> None:
    with pytest.raises(InputError, match="already"):
        cartveil.encrypt(cartveil.encrypt(TABLE, KEY), KEY)


def test_a_frame_cannot_be_decrypted_and_the_hint_says_what_can() -> None:
    with pytest.raises(InputError) as caught:
        cartveil.decrypt(pd.DataFrame({"a": [1]}), KEY)
    assert "Arrow table" in (caught.value.hint or "")


@pytest.mark.parametrize("key", [b"", b"short", bytes(16), "0" * 32])
def test_a_key_that_is_not_32_bytes_is_refused(key: Any) -> None:
    with pytest.raises(KeyringError, match="32 bytes"):
        cartveil.encrypt(ROWS, key)


@every_form
def test_anonymize_returns_the_callers_form_without_a_person(form: str, tmp_path: Path) -> None:
    data = FORMS[form](tmp_path)
    released, report = cartveil.anonymize(data)
    assert type(released) is (pa.Table if form == "path" else type(data))
    text = str(rows_of(released))
    assert not any(f"'{row['customer_id']}'" in text or row["mobile"] in text for row in ROWS)
    assert "High Street" not in text
    assert "Emma Wilson" not in text
    assert report.methods["mobile"] == "drop"


def test_a_table_whose_rows_can_be_linked_is_called_de_identified_and_says_why() -> None:
    report = cartveil.anonymize(TABLE)[1]
    assert report.label == "de-identified"
    assert any("customer_id" in reason for reason in report.because)


def test_a_table_in_which_many_look_alike_and_nothing_links_is_called_anonymised() -> None:
    report = cartveil.anonymize([{"colour": "red", "status": "new"}] * 40)[1]
    assert (report.label, report.because) == ("anonymised", ())


def test_support_with_an_open_case_sees_the_name_clear_and_the_phone_masked() -> None:
    view = cartveil.access_control(ROWS, user("support", "support", case_open=True))
    assert view[1]["name"] == "Emma Wilson"
    assert view[1]["mobile"].endswith("101")
    assert view[1]["mobile"] != ROWS[1]["mobile"]


def test_support_without_a_case_sees_no_name_in_clear_and_no_phone() -> None:
    view = cartveil.access_control(ROWS, user("support", "support"))
    assert view[1]["name"] not in (None, "Emma Wilson")
    assert "mobile" not in view[1]


@every_form
def test_marketing_sees_a_pseudonym_a_region_and_what_was_paid(form: str, tmp_path: Path) -> None:
    view = rows_of(cartveil.access_control(FORMS[form](tmp_path), user("marketing", "marketing")))
    assert set(view[0]) == {"customer_id", "address", "birth_date", "amount"}
    assert view[0]["customer_id"] not in {row["customer_id"] for row in ROWS}
    assert "High Street" not in view[0]["address"]


def test_a_consumer_sees_own_rows_only_and_in_clear() -> None:
    own = {"name": "c3", "role": "consumer", "purpose": "self_service"}
    assert cartveil.access_control(ROWS, own) == ROWS[3:4]
    assert cartveil.access_control(ROWS, own | {"name": "c"}) == []


def test_nobody_else_can_claim_that_a_record_is_their_own() -> None:
    with pytest.raises(InputError, match="own_record"):
        cartveil.access_control(ROWS, user("consumer", "self_service", own_record=True))


def test_a_refusal_names_what_would_permit_it() -> None:
    with pytest.raises(RefusedError) as caught:
        cartveil.access_control(ROWS, user("data_science", "recommendation"))
    assert "support" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "asker",
    [
        {"name": "lin", "role": "support"},
        user("supprt", "support"),
        user("support", "suport"),
        user("support", "support", colour=1),
        user("support", "support", hour="noon"),
        user("support", "support", hour=24),
        user("support", "support", case_open="false"),
        user("support", "support", case_open="no"),
        user("support", "support", attributes={"shoe": "9"}),
    ],
)
def test_an_unknown_or_mistyped_word_is_refused_with_a_hint(asker: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        cartveil.access_control(ROWS, asker)
    assert caught.value.hint


def test_a_schema_that_fits_no_column_is_refused(tmp_path: Path) -> None:
    toml = tmp_path / "cartveil.toml"
    toml.write_text('[tables.people.columns]\nid = "user_id"\n', encoding="utf-8")
    with pytest.raises(InputError, match="columns"):
        cartveil.anonymize(TABLE, toml)


@pytest.mark.parametrize("data", [3, None, "no-such-file.csv", [1, 2], [{"a": 1}, {"a": "x"}]])
def test_what_is_no_table_is_refused(data: Any) -> None:
    with pytest.raises(InputError) as caught:
        cartveil.anonymize(data)
    assert caught.value.hint


def test_a_vault_is_made_and_opened_with_a_passphrase_alone(tmp_path: Path) -> None:
    lin, schema = Principal("lin", "support"), cartveil.scan({"customers": TABLE}).schema
    with cartveil.create_vault(tmp_path / "vault", schema, "a long sentence") as vault:
        vault.put(Principal("ops", "admin"), "customers", TABLE)
    with cartveil.open_vault(tmp_path / "vault", "a long sentence") as vault:
        reading = vault.read(lin, "customers", "c3", purpose="support", context={"case": "C-7"})
    assert reading.rows["name"].to_pylist() == ["Emma Wilson"]
    with pytest.raises(cartveil.CartveilError, match="passphrase"):
        cartveil.open_vault(tmp_path / "vault", "")


def test_a_column_called_paid_is_an_amount() -> None:
    # The example of the package's own docstring.
    found = cartveil.scan({"sales": pa.table({"paid": [12.5, 3.25, 7.0]})}).schema.table("sales").column("paid")
    assert found.kind == "amount"


def test_a_schema_in_which_several_tables_fit_is_refused() -> None:
    schema = parse_schema(
        """
        name = "shop"
        [tables.products.columns]
        id = "product"
        value = "category"
        [tables.customers.columns]
        id = { kind = "user_id", role = "subject" }
        value = "phone"
        """
    )
    data = pa.table({"id": ["1"], "value": ["13800138000"]})
    with pytest.raises(InputError, match="several tables"):
        cartveil.access_control(data, user("support", "support"), schema=schema)
    with pytest.raises(InputError, match="several tables"):
        cartveil.anonymize(data, schema)


@pytest.mark.parametrize("name", ["", None, True, 1.0])
def test_rows_of_nobody_are_nobodys_own(name: object) -> None:
    data = pa.table({"id": ["", "None", "True", "1.0"], "phone": ["13800138000"] * 4})
    schema = parse_schema(
        """
        name = "shop"
        [tables.customers.columns]
        id = { kind = "user_id", role = "subject" }
        phone = "phone"
        """
    )
    with pytest.raises(InputError):
        cartveil.access_control(data, {"name": name, "role": "consumer", "purpose": "self_service"}, schema=schema)


def test_redact_takes_one_text_or_many() -> None:
    assert redact("ring 13812345678") == "ring [phone]"
    assert redact(["ring 13812345678", None, ""], form="masks") == ["ring 138****5678", None, ""]


def test_surrogates_of_one_key_and_scope_are_the_same_another_time() -> None:
    texts = ["13812345678", "138 1234 5678"]
    one, again, other = (redact(texts, form="surrogates", key=bytes(32), scope=scope) for scope in ("a", "a", "b"))
    assert one == again != other
    assert one[0] == one[1].replace(" ", "")
    assert redact(texts[0], form="surrogates") != redact(texts[0], form="surrogates")


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "x" * 10_000, "🇨🇳\u200d1"])
def test_any_text_can_be_redacted(text: str) -> None:
    assert redact(text, form="surrogates") == text


@pytest.mark.parametrize("options", [{"form": "stars"}, {"form": "surrogates", "key": b"short"}])
def test_a_wrong_form_or_key_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(cartveil.CartveilError) as refused:
        redact("13812345678", **options)  # type: ignore[arg-type]
    assert refused.value.hint
    assert "1381" not in str(refused.value)
