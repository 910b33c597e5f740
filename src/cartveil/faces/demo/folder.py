"""The demo's folder: real orders as shipped, made-up customers, and a note that says which is which."""

import shutil
from importlib import resources
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from cartveil.errors import InputError, StorageError
from cartveil.faces.demo.identities import synthetic_identities

#: The file that says that a folder is Cartveil's to write anew.
MARKER = ".cartveil-demo"

_MARKER_TEXT = "`cartveil demo` made this folder and empties it on each run; keep nothing of yours here\n"

_README = """Cartveil's demo folder. `cartveil demo` empties it on each run; keep nothing of yours here.

customers.csv    SYNTHETIC identities, made up from a seed. Nobody of them exists; where a name, number or address
                 is like a real one, that is chance.
orders.parquet   Real order lines of a British online gift shop, 2010-12 to 2011-12; they name nobody.
                 Online Retail, UCI Machine Learning Repository, given by Dr Daqing Chen. CC0 in the CRAN package
                 `onlineretail` by permission of the donor; CC BY 4.0 in the UCI repository.
"""


def write_demo_folder(path: Path, *, seed: int) -> Path:
    """Write the orders and the customers into a fresh folder.

    Args:
        path: A folder that does not exist, is empty, or was made by this function.
        seed: Draws the customers.

    Returns:
        The folder.

    Raises:
        InputError: There is something else at `path`; it is left as it is.
        StorageError: The disk failed.

    Guarantees:
        - `orders.parquet` is the shipped file, byte for byte.
        - A folder that Cartveil did not make is never changed.
    """
    path = Path(path)
    _refuse_foreign(path)
    try:
        _empty(path)
        with resources.as_file(resources.files("cartveil.faces.demo") / "data" / "online_retail.parquet") as orders:
            shutil.copyfile(orders, path / "orders.parquet")
        known = pc.unique(pq.read_table(path / "orders.parquet", columns=["CustomerID"])["CustomerID"].drop_null())
        customers = synthetic_identities(sorted(known.to_pylist()), seed=seed)
        csv.write_csv(customers, path / "customers.csv")
        (path / "README.txt").write_text(_README, encoding="utf-8")
    except OSError as error:
        hint = "check that the disk has room and that you may write there"
        raise StorageError("cannot write the demo's folder", path=str(path), hint=hint) from error
    return path


def _refuse_foreign(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    ours = path.is_dir() and not path.is_symlink() and ((path / MARKER).is_file() or not any(path.iterdir()))
    if not ours:
        hint = "name a folder that does not exist yet"
        raise InputError("is there already, and the demo did not make it", path=str(path), hint=hint)


def _empty(path: Path) -> None:
    """Leave nothing but the marker in the folder; the marker is written first, so that a torn run is known as ours."""
    path.mkdir(parents=True, exist_ok=True)
    (path / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
    for entry in path.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
