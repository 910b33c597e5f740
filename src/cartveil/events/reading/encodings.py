"""Bytes to text: by byte order mark, else UTF-8, else GB18030, which is what Chinese spreadsheets save."""

import codecs

from cartveil.errors import ReadError

#: Byte order marks. UTF-32 before UTF-16: its little-endian mark begins with the other one.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(content: bytes, *, encoding: str | None = None, path: str) -> str:
    """Decode a text file.

    Args:
        content: The file's bytes.
        encoding: What the caller knows; nothing else is tried then.
        path: The file, for errors.

    Raises:
        ReadError: No encoding fits; it names the first byte that does not fit UTF-8, never what stands there.
    """
    tried = [encoding] if encoding else _candidates(content)
    offsets = []
    for name in tried:
        try:
            text = content.decode(name)
        except UnicodeDecodeError as error:
            offsets.append(error.start)
        except LookupError:
            raise ReadError(f"unknown encoding `{name}`", path=path, hint="such as `utf-8` or `gb18030`") from None
        else:
            if encoding or name != "gb18030" or is_chinese(text):
                return _whole(text.removeprefix("\ufeff"), path)
    names = " nor ".join(name.upper().removesuffix("-SIG") for name in tried)
    what = f"is neither {names}" if len(tried) > 1 else f"is not {names}"
    hint = 'name the encoding it was saved in, such as `encoding="latin-1"`'
    raise ReadError(f"{what}, from byte {offsets[0]} on", path=path, hint=hint)


def _candidates(content: bytes) -> list[str]:
    marked = [name for mark, name in MARKS if content.startswith(mark)]
    return marked[:1] or ["utf-8", "gb18030"]


def is_chinese(text: str) -> bool:
    """Return whether most foreign letters are common Chinese ones: `naïve` in Latin-1 is GB18030 as well, by chance."""
    foreign = [letter for letter in text[:1_000_000] if not letter.isascii()]
    common = len("".join(foreign).encode("gb2312", errors="ignore")) // 2  # two bytes a letter
    return 2 * common >= len(foreign)


def _whole(text: str, path: str) -> str:
    if not text.strip():
        raise ReadError("file is empty", path=path, hint="a table needs a header and at least one row")
    if "\x00" in text:
        hint = "is it a spreadsheet or a database? save it as CSV or Parquet"
        raise ReadError("is not a text file: it holds zero bytes", path=path, hint=hint)
    return text
