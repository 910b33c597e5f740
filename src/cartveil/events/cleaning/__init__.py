"""Set aside, with a reason, what cannot be learned from or stored as it is; drop nothing."""

from cartveil.events.cleaning.clean import clean
from cartveil.events.cleaning.report import BECAUSE, Cleaned, QualityReport

__all__ = ["BECAUSE", "Cleaned", "QualityReport", "clean"]
