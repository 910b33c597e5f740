from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import ReadError, SchemaError
from cartveil.events.kinds import AT_REST, METHOD_OPTIONS, ON_RELEASE, Kind, Method, Role, Step
from cartveil.events.limits import Limits
from cartveil.events.schema import Column, Schema, Table, format_schema, load_schema, parse_schema

ORDERS = '[tables.orders.columns]\npaid = { kind = "amount" }\n'

NAMES = st.text(min_size=1, max_size=12)
VALUES = {
    int: st.integers(1, 99),
    float: st.floats(0.01, 100),
    bool: st.booleans(),
    str: st.sampled_from(["1h", "7d", "city"]),
}


def steps(methods):
    def options(method):
        known = METHOD_OPTIONS[method]
        each = {name: VALUES[float if float in _kinds(kinds) else _kinds(kinds)[0]] for name, kinds in known.items()}
        return st.fixed_dictionaries({}, optional=each).map(lambda chosen: Step(method, tuple(sorted(chosen.items()))))

    return st.sampled_from(sorted(methods)).flatmap(options)


def _kinds(kinds):
    return kinds if isinstance(kinds, tuple) else (kinds,)


COLUMNS = st.builds(
    Column,
    name=NAMES,
    kind=st.sampled_from(Kind),
    protect=steps(AT_REST),
    release=steps(ON_RELEASE),
    index=st.booleans(),
    purposes=st.lists(NAMES, max_size=3).map(tuple),
    retention_days=st.none() | st.integers(1, 9999),
    pattern=st.none() | st.just("[0-9]{5}.*"),
).filter(lambda column: column.kind is not Kind.CARD_CODE)
SHARES = st.none() | st.floats(0, 1)
LIMITS = st.builds(
    Limits, k=st.none() | st.integers(2, 99), unicity_2=SHARES, unicity_4=SHARES, linkability=SHARES, suppressed=SHARES
) | st.builds(Limits, l=st.integers(2, 9), sensitive=st.lists(NAMES, min_size=1, max_size=3).map(tuple))


@given(
    st.lists(COLUMNS, min_size=1, max_size=4, unique_by=lambda column: column.name),
    st.tuples(NAMES, NAMES, st.none() | st.integers(2, 99)),
    LIMITS,
)
def test_what_is_written_is_read_back_the_same(columns, named, limits):
    table, path, k = named
    limits = replace(limits, sensitive=(columns[0].name,) if limits.sensitive else ())
    schema = Schema("shop", (Table(table, path, tuple(columns), k),), tenant="t", limits=limits)
    assert parse_schema(format_schema(schema)) == schema


@pytest.mark.parametrize("kind", list(Kind))
def test_a_column_that_says_only_its_kind_gets_the_defaults_of_the_kind(kind):
    column = parse_schema(f'[tables.t.columns]\nx = "{kind}"').table("t").column("x")
    assert (column.protect, column.release) == (kind.default().protect, kind.default().release)
    assert column.protect.method in AT_REST
    assert column.release.method in ON_RELEASE


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ('[tables.t.columns]\nx = "phon"', "tables.t.columns.x.kind", "did you mean `phone`?"),
        (
            '[tables.t.columns]\nx = { kind = "phone", protct = "seal" }',
            "tables.t.columns.x",
            "did you mean `protect`?",
        ),
        ('[tables.t.columns]\nx = { kind = "phone", role = "subjct" }', "tables.t.columns.x.role", "`subject`"),
        ('[tables.t.columns]\nx = { kind = "phone", protect = "mask" }', "tables.t.columns.x.protect", "one of"),
        ('[tables.t.columns]\nx = { kind = "phone", release = "seal" }', "tables.t.columns.x.release", "one of"),
        (
            '[tables.t.columns]\nx = { kind = "phone", release = { method = "jitter", spred = 1 } }',
            "release",
            "`spread`",
        ),
        ('[tables.t.columns]\nx = { kind = "phone", index = "yes" }', "tables.t.columns.x.index", None),
        ('[tables.t.columns]\nx = { kind = "phone", pattern = "(" }', "tables.t.columns.x.pattern", None),
        ('[tables.t.columns]\nx = { role = "item" }', "tables.t.columns.x", "add one"),
        ('[tables.t.columns]\nx = { kind = "card_code", protect = "seal" }', "tables.t.columns.x.protect", "never"),
        ('[tables.t.columns]\nx = { kind = "card_code", release = "mask" }', "tables.t.columns.x.release", "never"),
        ("[tables.t]\nk = 1\n[tables.t.columns]\nx = 'phone'", "tables.t.k", "5"),
        (f"[limits]\nunicity_3 = 1\n{ORDERS}", "limits", "did you mean `unicity_"),
        (f"[limits]\nunicity_2 = 7\n{ORDERS}", "limits.unicity_2", "0.05"),
        (f"[limits]\nk = true\n{ORDERS}", "limits.k", "5"),
        (f"[limits]\nl = 2\n{ORDERS}", "limits", "both"),
        (f'[limits]\nl = 2\nsensitive = "x"\n{ORDERS}', "limits.sensitive", "sensitive"),
        (f'[limits]\nl = 2\nsensitive = ["pade"]\n{ORDERS}', "limits.sensitive", "did you mean `paid`?"),
        ("[tables.t]", "tables.t", "add a line"),
        ("[tabels.t]", "cartveil.toml", "did you mean `tables`?"),
        ("", "cartveil.toml", "add a section"),
        ("x = ", "cartveil.toml", None),
    ],
)
def test_what_is_not_understood_is_refused_with_path_and_the_nearest_word(text, path, hint):
    with pytest.raises(SchemaError) as raised:
        parse_schema(text)
    assert path in raised.value.path
    assert hint is None or hint in raised.value.hint


def test_a_part_is_played_once():
    text = '[tables.t.columns]\na = { kind = "user_id", role = "subject" }\nb = { kind = "user_id", role = "subject" }'
    with pytest.raises(SchemaError, match="role `subject` is given to 2 columns: a, b"):
        parse_schema(text)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ReadError) as raised:
        load_schema(tmp_path)
    assert "cartveil scan" in raised.value.hint


def test_a_folder_is_read_by_its_cartveil_toml(tmp_path):
    (tmp_path / "cartveil.toml").write_text(ORDERS)
    schema = load_schema(tmp_path)
    assert schema.path_of(schema.table("orders")) == tmp_path / "orders.csv"


def test_unknown_tables_and_columns_are_named_with_the_nearest():
    schema = parse_schema(ORDERS)
    with pytest.raises(SchemaError) as raised:
        schema.table("order")
    assert raised.value.hint == "did you mean `orders`?"
    with pytest.raises(SchemaError):
        schema.table("orders").column("payed")
    assert schema.table("orders").by_role(Role.ITEM) is None


def test_every_method_has_its_options_listed():
    assert set(METHOD_OPTIONS) == set(Method)
