"""Look at tables and propose their schema, with the evidence for each column and never one of its values."""

from cartveil.events.scanning.proposal import Evidence, Looked, Proposal
from cartveil.events.scanning.sampling import sample_table
from cartveil.events.scanning.scan import scan, scan_files

__all__ = ["Evidence", "Looked", "Proposal", "sample_table", "scan", "scan_files"]
