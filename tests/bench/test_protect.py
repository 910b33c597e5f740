import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from bench.protect import FIRST, TARGETS, aes_blocks, medians, our_cases
from bench.protect_table import protect_orders, schema, write_orders
from bench.protect_values import values

from cartveil.events.patterns import luhn_digit


@pytest.fixture(scope="module")
def made():
    return values(seed=0, rows=3000, people=50, places=50)


def test_values_said_to_be_distinct_are(made):
    for column in (*(made.named[name] for name in ("phones", "ids")), made.cards, *made.addresses.values()):
        assert len(pc.unique(column)) == len(column)
    assert len(pc.unique(made.named["phones repeated"])) <= len(made.named["phones"]) // 10


def test_cards_pass_luhn(made):
    assert all(luhn_digit(card[:-1]) == card[-1] for card in made.cards.to_pylist())


def test_every_first_figure_is_measured_and_has_a_target(made):
    assert set(FIRST.values()) <= set(our_cases(made))
    assert set(FIRST) == set(TARGETS)


def test_medians_are_of_all_rounds():
    calls = []
    assert medians({"one": (lambda: calls.append(1), 5)}, rounds=3)["one"] > 0
    assert len(calls) == 3


def test_openssl_says_how_many_blocks():
    assert aes_blocks(rounds=1, seconds=1) > 1000


def test_a_table_goes_through_part_by_part(tmp_path):
    write_orders(tmp_path / "orders.parquet", 1000)
    found = protect_orders(tmp_path / "orders.parquet", tmp_path / "out")
    assert found["parts"] == 1
    assert found["rows_a_second"] > 0
    protected = pq.read_table(tmp_path / "out")
    assert protected.num_rows == 1000
    assert set(protected.column_names) <= {column.name for column in schema().columns}
    assert protected["phone"][0].as_py()[3:7] == "****"
