"""Texts, files and columns without the people in them: from a stream or a file to another one, piece by piece."""

from cartveil.faces.redacting.redaction import Columns, Redaction, read_key
from cartveil.faces.redacting.tables import redact_table_file, refuse_tables
from cartveil.faces.redacting.texts import redact_text_file, redact_text_stream

__all__ = [
    "Columns",
    "Redaction",
    "read_key",
    "redact_table_file",
    "redact_text_file",
    "redact_text_stream",
    "refuse_tables",
]
