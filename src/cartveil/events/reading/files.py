"""Read a table by the ending of its file, and a folder of them.

    .csv .tsv .txt          delimited text, also with .gz behind
    .jsonl .ndjson .json    an object per line, or one list of objects; also with .gz behind
    .parquet .pq            Parquet
    .arrow .feather .ipc    Arrow, as file or as stream

Errors name the file, the line and the column, never a value.
"""

import difflib
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from cartveil.errors import ColumnError, ReadError
from cartveil.events.reading.columns import tidy
from cartveil.events.reading.delimited import read_delimited
from cartveil.events.reading.encodings import decode
from cartveil.events.reading.records import read_records

_DELIMITED = (".csv", ".tsv", ".txt")
_RECORDS = (".jsonl", ".ndjson", ".json")
_BINARY: dict[str, Callable[[Path], pa.Table]] = {
    ".parquet": pq.read_table,
    ".pq": pq.read_table,
    ".arrow": lambda file: _read_arrow(file),
    ".feather": lambda file: _read_arrow(file),
    ".ipc": lambda file: _read_arrow(file),
}
_ENDINGS = (*_DELIMITED, *_RECORDS, *_BINARY)

#: Texts that lie beside tables; a `.txt` of these names is no table.
_PAPERS = frozenset({"README", "LICENSE", "LICENCE", "NOTICE", "CHANGELOG"})


def read_table(path: str | Path, *, encoding: str | None = None) -> pa.Table:
    """Read one table.

    Args:
        path: The file; its ending says the format.
        encoding: Of a text file. Without it: by byte order mark, else UTF-8, else GB18030.

    Returns:
        The table. Columns of a text file become numbers, times or booleans only where nothing is lost by it:
        `00123`, phone numbers and card numbers stay text.

    Raises:
        ReadError: The file is missing, empty, undecodable or ragged, or its columns have no name of their own.
    """
    file = Path(path)
    _check(file)
    ending = _ending(file)
    if ending in _BINARY:
        table = _read_binary(file, ending)
    else:
        text = decode(_content(file), encoding=encoding, path=str(file))
        table = read_delimited(text, file) if ending in _DELIMITED else read_records(text, file)
    if not table.num_rows:
        raise ReadError("has columns but no rows", path=str(file), hint="write at least one row below the header")
    try:
        return tidy(table)
    except ColumnError as error:
        raise ReadError(error.message, path=str(file), hint=error.hint) from None


def table_files(folder: str | Path) -> dict[str, Path]:
    """Return the tables of a folder, by the names of the files without their endings, in order.

    Raises:
        ReadError: There is no such folder, it holds no table, or two files would have one name.
    """
    place = Path(folder)
    if not place.is_dir():
        raise ReadError("no such folder", path=str(place), hint=_near(place))
    files: dict[str, Path] = {}
    for file in sorted(place.iterdir()):
        if file.name.startswith(".") or not file.is_file() or _ending(file, known_only=False) not in _ENDINGS:
            continue
        name = file.name.split(".")[0]
        if name.upper() in _PAPERS:
            continue
        if name in files:
            raise ReadError(
                f"two files are named `{name}`", path=str(place), hint=f"`{files[name].name}`, `{file.name}`"
            )
        files[name] = file
    if not files:
        raise ReadError("holds no table", path=str(place), hint=f"known endings: {' '.join(_ENDINGS)}")
    return files


def read_folder(path: str | Path) -> dict[str, pa.Table]:
    """Read every table of a folder: name -> table."""
    return {name: read_table(file) for name, file in table_files(path).items()}


def _check(file: Path) -> None:
    if file.is_dir():
        raise ReadError("is a folder, not a file", path=str(file), hint="name one file in it, or read the whole folder")
    if not file.exists():
        raise ReadError("no such file", path=str(file), hint=_near(file))
    if not file.stat().st_size:
        raise ReadError("file is empty", path=str(file), hint="a table needs a header and at least one row")


def _near(file: Path) -> str:
    if not file.parent.is_dir():
        return f"there is no folder `{file.parent}` either"
    names = sorted(entry.name for entry in file.parent.iterdir() if not entry.name.startswith("."))
    near = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"the folder `{file.parent}` holds no file of a similar name"


def _ending(file: Path, *, known_only: bool = True) -> str:
    endings = [ending.lower() for ending in file.suffixes]
    last = endings[-2] if endings[-1:] == [".gz"] and len(endings) > 1 else (endings or [""])[-1]
    zipped_binary = endings[-1:] == [".gz"] and last in _BINARY
    if known_only and (last not in _ENDINGS or zipped_binary):
        what = f"unknown ending `{''.join(endings[-2:])}`" if endings else "the file has no ending"
        raise ReadError(what, path=str(file), hint=f"known endings: {' '.join(_ENDINGS)}")
    return "" if zipped_binary else last


def _content(file: Path) -> bytes:
    try:
        if file.suffix.lower() == ".gz":
            with gzip.open(file) as opened:
                return opened.read()
        return file.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ReadError("is not a whole gzip file", path=str(file), hint="copy or download it again") from None
    except OSError as error:
        raise ReadError(f"cannot be read: {error.strerror}", path=str(file)) from None


def _read_binary(file: Path, ending: str) -> pa.Table:
    try:
        return _BINARY[ending](file)
    except (pa.ArrowException, OSError, ValueError):
        format_ = "Parquet" if ending in (".parquet", ".pq") else "Arrow"
        raise ReadError(f"is not a whole {format_} file", path=str(file), hint="copy or write it again") from None


def _read_arrow(file: Path) -> pa.Table:
    try:
        return feather.read_table(file)
    except pa.ArrowInvalid:
        with pa.OSFile(str(file)) as source:
            return pa.ipc.open_stream(source).read_all()
