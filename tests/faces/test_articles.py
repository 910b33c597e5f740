from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartveil.errors import ColumnError, InputError, ReadError

pytest.importorskip("torch")
from cartveil.faces.articles import read_articles
from cartveil.insight.decisions.recommend import Article


def test_a_table_names_items_with_what_the_shop_knows_of_them(tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text("item,stock,description,category\n00123,3,RED MUG,kitchen\n124,,BLUE MUG,\n", encoding="utf-8")
    assert read_articles(file) == [Article("00123", "RED MUG", "kitchen", 3), Article("124", "BLUE MUG")]


def test_only_the_code_is_needed_and_a_row_without_one_is_passed_over(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item": ["a", None, "b"], "price": [1.0, 2.0, 3.0]}), tmp_path / "shop.parquet")
    assert read_articles(tmp_path / "shop.parquet") == [Article("a"), Article("b")]


def test_a_plain_catalogue_has_a_description_after_a_tab(tmp_path: Path) -> None:
    (tmp_path / "shop.txt").write_text("a\tRED MUG\n\nb\n", encoding="utf-8")
    assert read_articles(tmp_path / "shop.txt") == [Article("a", "RED MUG"), Article("b")]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("none.csv", None, ReadError),
        ("none.txt", None, ReadError),
        ("empty.csv", "", ReadError),
        ("broken.parquet", "no parquet", ReadError),
        ("codes.csv", "code,stock\na,1\n", ColumnError),
        ("stock.csv", "item,stock\na,many\n", ColumnError),
        ("twice.txt", "a\na\n", InputError),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(tmp_path: Path, name: str, text: str, error: type) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(error) as caught:
        read_articles(tmp_path / name)
    assert name in caught.value.path
    assert caught.value.hint
