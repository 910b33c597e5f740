"""The vault's own tables, in portable SQL; those of the schema are in `tables`."""

from cartveil.guard.audit.log import TABLES as AUDIT_TABLES
from cartveil.guard.vault.rights.budget_lines import TABLES as BUDGETS
from cartveil.guard.vault.rights.holds import TABLES as HOLDS
from cartveil.guard.vault.rights.requests import TABLES as REQUESTS
from cartveil.guard.vault.rows.restricting import TABLES as RESTRICTIONS

TABLES = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE stored_tables (
  name TEXT PRIMARY KEY, number INTEGER NOT NULL, types BLOB NOT NULL, next_row INTEGER NOT NULL, mark TEXT NOT NULL
) STRICT;
CREATE TABLE consumers (
  id INTEGER PRIMARY KEY, lookup TEXT NOT NULL UNIQUE, data_key BLOB NOT NULL, subject BLOB NOT NULL
) STRICT;
CREATE TABLE search_codes (
  place INTEGER NOT NULL, code TEXT NOT NULL, row INTEGER NOT NULL,
  consumer INTEGER REFERENCES consumers (id), PRIMARY KEY (place, code, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_codes_consumer ON search_codes (consumer);
CREATE TABLE erasures (
  lookup TEXT PRIMARY KEY, state TEXT NOT NULL, begun TEXT NOT NULL, progress TEXT NOT NULL, receipt TEXT
) STRICT;
CREATE TABLE releases (
  purpose TEXT NOT NULL, recipient TEXT NOT NULL, period TEXT NOT NULL, made TEXT NOT NULL,
  PRIMARY KEY (purpose, recipient, period)
) STRICT, WITHOUT ROWID;
"""
    + HOLDS
    + RESTRICTIONS
    + REQUESTS
    + BUDGETS
    + AUDIT_TABLES
)
