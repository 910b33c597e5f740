"""Files and frames in, Arrow tables out: nothing lost on the way, nothing guessed that cannot be undone."""

from cartveil.events.reading.files import read_folder, read_table, table_files
from cartveil.events.reading.frames import as_table
from cartveil.events.reading.times import parse_times

__all__ = ["as_table", "parse_times", "read_folder", "read_table", "table_files"]
