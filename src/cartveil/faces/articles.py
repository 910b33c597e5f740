"""What a shop sells now: the file that lists are filtered by, and in which new items get their names.

A table with a header, CSV or Parquet: `item`, and where the shop has them `description`, `category` and `stock`. Any
other file is read as a catalogue, one item a line, a description after a tab.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartveil.errors import ColumnError, ReadError
from cartveil.faces.catalogue import read_catalogue

if TYPE_CHECKING:  # `cartveil --help` must wait neither for torch nor for Arrow
    import pyarrow as pa

    from cartveil.insight.decisions.recommend import Article

_TABLES = (".csv", ".parquet")


def read_articles(path: str | Path) -> "list[Article]":
    """Return what the file names, in its order; empty cells are as if the column was not there.

    Raises:
        ReadError: No such file, or it cannot be read.
        ColumnError: It has no `item`, or `stock` holds no whole numbers.
        InputError: A catalogue without an item, or with one twice.
    """
    from cartveil.insight.decisions.recommend import Article

    if Path(path).suffix.lower() not in _TABLES:
        return [Article(item, description) for item, description in read_catalogue(path).items()]
    table = _read(Path(path))
    if "item" not in table.column_names:
        raise ColumnError("no column `item`", path=str(path), hint="name the codes as the release does, in `item`")
    columns = {name: _cells(table, name, path) for name in ("item", "description", "category", "stock")}
    return [
        Article(item, description or "", category or "", stock)
        for item, description, category, stock in zip(*columns.values(), strict=True)
        if item
    ]


def _read(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    # Codes such as 00123 are text.
    texts = csv.ConvertOptions(column_types={name: pa.string() for name in ("item", "description", "category")})
    try:
        return pq.read_table(path) if path.suffix.lower() == ".parquet" else csv.read_csv(path, convert_options=texts)
    except (OSError, pa.ArrowException) as error:
        raise ReadError("cannot be read as a table", path=str(path), hint="give CSV in UTF-8, or Parquet") from error


def _cells(table: "pa.Table", name: str, path: str | Path) -> list[Any]:
    import pyarrow as pa

    if name not in table.column_names:
        return [None] * len(table)
    try:
        return list(table[name].cast(pa.int64() if name == "stock" else pa.string()).to_pylist())
    except pa.ArrowException as error:
        hint = "pieces as whole numbers; leave a cell empty where they are not counted"
        raise ColumnError("cannot be read", path=f"{path}: {name}", hint=hint) from error
