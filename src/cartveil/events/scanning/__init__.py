"""Look at tables and propose their schema, with the evidence for each column and never one of its values."""

from cartveil.events.scanning.proposal import Evidence, Proposal
from cartveil.events.scanning.scan import scan

__all__ = ["Evidence", "Proposal", "scan"]
