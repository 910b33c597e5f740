"""A catalogue: the items that a shop shows to everybody. What is public costs no privacy to know.

One item a line, as the release names it; after a tab its description, if it has one.
"""

from pathlib import Path

from cartveil.errors import InputError, ReadError


def read_catalogue(path: str | Path) -> dict[str, str]:
    """Return item -> description.

    Raises:
        ReadError: No such file, or not text.
        InputError: No item, or one twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError("cannot be read as text", path=str(path), hint="write one item a line, in UTF-8") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        item, _, description = line.partition("\t")
        if not item.strip():
            continue
        if item.strip() in found:
            raise InputError("an item stands there twice", path=f"{path}:{number}", hint="give each item one line")
        found[item.strip()] = description.strip()
    if not found:
        raise InputError("a catalogue needs an item", path=str(path), hint="write one item a line")
    return found
