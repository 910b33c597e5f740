from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from cartveil.errors import ColumnError, RefusedError, SchemaError
from cartveil.events.kinds import Kind, Method, Step
from cartveil.events.schema import Column, column_of
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.rest import Sealing, at_rest, from_rest, search_index
from cartveil.guard.protect.seal import Place

PLACE = Place("shop", "orders", "value")
Derive = Callable[..., SecretKey]


def spec(kind: Kind, method: Method | None = None, **options: Any) -> Column:
    column = column_of("value", kind)
    if method is None:
        return column
    return Column("value", kind, Step(method, tuple(sorted(options.items()))), column.release)


def rest(column: Any, column_spec: Column, derive: Derive, key: SecretKey) -> tuple[Any, Sealing]:
    sealing = Sealing([key], pa.array(range(len(column))), [0] * len(column))
    return at_rest(column, column_spec, place=PLACE, derive=derive, sealing=sealing), sealing


@pytest.mark.parametrize("kind", [Kind.PHONE, Kind.ORDER_ID, Kind.AMOUNT, Kind.FREE_TEXT, Kind.REGION])
def test_what_rests_comes_back(kind: Kind, derive: Derive, key: SecretKey) -> None:
    column = pa.chunked_array([["13812345678", None]])
    resting, sealing = rest(column, spec(kind), derive, key)
    assert from_rest(resting, spec(kind), place=PLACE, derive=derive, sealing=sealing).equals(column)
    clear = kind.default().protect.method is Method.KEEP
    assert (resting[0].as_py() == "13812345678") == clear


def test_a_pseudonym_stays_one_and_drop_leaves_nothing(derive: Derive, key: SecretKey) -> None:
    column = pa.array(["device"])
    resting, sealing = rest(column, spec(Kind.DEVICE_ID), derive, key)
    back = from_rest(resting, spec(Kind.DEVICE_ID), place=PLACE, derive=derive, sealing=sealing)
    assert back.equals(resting)
    assert rest(column, spec(Kind.HEALTH_HINT), derive, key)[0] is None


def test_card_codes_are_not_accepted_but_empty_columns_are(derive: Derive, key: SecretKey) -> None:
    with pytest.raises(RefusedError) as caught:
        rest(pa.array(["123"]), spec(Kind.CARD_CODE), derive, key)
    assert caught.value.path == "orders.value"
    assert "123" not in str(caught.value)
    assert rest(pa.nulls(3), spec(Kind.CARD_CODE), derive, key)[0] is None


def test_errors_name_the_column(derive: Derive, key: SecretKey) -> None:
    with pytest.raises(ColumnError) as caught:
        rest(pa.array(["S", "M"] * 600), spec(Kind.OTHER, Method.TOKEN), derive, key)
    assert caught.value.path == "orders.value"
    assert rest(pa.array(["S", "M"] * 600), spec(Kind.OTHER, Method.TOKEN, few_values=True), derive, key)[0]


@pytest.mark.parametrize(
    ("kind", "value", "options"),
    [
        (Kind.PHONE, "138 1234 5678", {}),
        (Kind.PAYMENT_CARD, "4111111111111111", {}),
        (Kind.ORDER_ID, "AB12-34567", {"alphabet": "upper alphanumeric"}),
        (Kind.OTHER, 20260101, {}),
    ],
)
def test_what_rests_in_its_format_comes_back(
    kind: Kind, value: Any, options: dict[str, Any], derive: Derive, key: SecretKey
) -> None:
    column, line = pa.chunked_array([[value, None]]), spec(kind, Method.FPE, **options)
    resting, sealing = rest(column, line, derive, key)
    assert resting[0].as_py() != str(value)
    assert len(resting[0].as_py()) == len(str(value))
    back = from_rest(resting, line, place=PLACE, derive=derive, sealing=sealing)
    assert back.to_pylist() == [str(value), None]


def test_formats_of_one_column_join_across_tables_and_two_columns_do_not(derive: Derive) -> None:
    sealing, line = Sealing([], pa.array([], pa.int64())), spec(Kind.PHONE, Method.FPE)
    places = (Place("shop", "orders", "phone"), Place("shop", "parcels", "phone"), Place("shop", "orders", "second"))
    one, same, other = (
        at_rest(pa.array(["13812345678"]), line, place=place, derive=derive, sealing=sealing) for place in places
    )
    assert one.equals(same)
    assert not one.equals(other)


def test_a_value_that_has_not_its_format_is_named_by_the_row_of_the_vault(derive: Derive, key: SecretKey) -> None:
    sealing = Sealing([key], pa.array([40, 41]), [0, 0])
    with pytest.raises(ColumnError) as caught:
        at_rest(
            pa.array(["13812345678", "999"]),
            spec(Kind.PHONE, Method.FPE),
            place=PLACE,
            derive=derive,
            sealing=sealing,
        )
    assert caught.value.path == "orders.value[41]"
    with pytest.raises(SchemaError) as wrong:
        rest(pa.array(["1"]), spec(Kind.PHONE, Method.FPE, alphabet="aa"), derive, key)
    assert wrong.value.path == "orders.value"


def test_few_values_are_refused_in_their_format_as_well(derive: Derive, key: SecretKey) -> None:
    column = pa.array(["1234567", "7654321"] * 600)
    with pytest.raises(ColumnError, match="2 distinct values"):
        rest(column, spec(Kind.OTHER, Method.FPE), derive, key)
    assert rest(column, spec(Kind.OTHER, Method.FPE, few_values=True), derive, key)[0]


def test_tokens_of_one_kind_join_across_tables(derive: Derive, key: SecretKey) -> None:
    sealing = Sealing([], pa.array([], pa.string()))
    orders, parcels = (
        at_rest(pa.array(["1"]), spec(Kind.ORDER_ID), place=Place("shop", table, "x"), derive=derive, sealing=sealing)
        for table in ("orders", "parcels")
    )
    assert orders.equals(parcels)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.PHONE, "138 1234 5678", "+8613812345678"),
        (Kind.PHONE, "１３８１２３４５６７８", "138-1234-5678"),
        (Kind.EMAIL, " Lin@Example.com", "lin@example.com"),
        (Kind.PAYMENT_CARD, "4111 1111 1111 1111", "4111111111111111"),
        (Kind.ID_NUMBER, "11010519491231002x", "11010519491231002X"),
    ],
)
def test_search_finds_a_value_however_it_is_written(kind: Kind, one: str, other: str, derive: Derive) -> None:
    codes = search_index(pa.array([one, other, "something else", None]), kind, derive=derive).to_pylist()
    assert codes[0] == codes[1] != codes[2]
    assert codes[3] is None


def test_codes_of_two_kinds_do_not_join(derive: Derive) -> None:
    codes = [
        search_index(pa.array(["13812345678"]), kind, derive=derive)[0] for kind in (Kind.PHONE, Kind.BANK_ACCOUNT)
    ]
    assert codes[0] != codes[1]
