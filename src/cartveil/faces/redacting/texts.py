"""Plain text: a stream or a file of any length, in whatever encoding its lines are."""

import itertools
from pathlib import Path
from typing import IO, BinaryIO

from cartveil.errors import ReadError
from cartveil.events.reading.streams import Piece, encoded, read_pieces
from cartveil.events.writing import replace_file
from cartveil.faces.redacting.redaction import Redaction
from cartveil.guard.protect.redact_stream import redact_stream


def redact_text_stream(source: BinaryIO, target: IO[bytes], redaction: Redaction) -> None:
    """Redact a stream of text into another one; what is not replaced keeps its bytes, in whatever encoding.

    Args:
        source: Open for reading.
        target: Open for writing.
        redaction: How.
    """
    for encoding, pieces in itertools.groupby(read_pieces(source), key=lambda piece: piece.encoding):
        texts = (piece.text for piece in pieces)
        style, subject, counts = redaction.style, redaction.subject, redaction.counts
        for text in redact_stream(texts, redaction.finder, style=style, subject=subject, counts=counts):
            target.write(encoded(Piece(text, encoding)))


def redact_text_file(source: Path, target: Path, redaction: Redaction) -> None:
    """Redact a text file into another one, which appears whole or not at all."""
    with open_bytes(source) as read:

        def write(new: Path) -> None:
            with new.open("wb") as opened:
                redact_text_stream(read, opened, redaction)

        replace_file(target, write)


def open_bytes(file: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        ReadError: It is missing, a folder, or may not be read.
    """
    try:
        return file.open("rb")
    except OSError as error:
        raise ReadError((error.strerror or "cannot be read").lower(), path=str(file)) from None
