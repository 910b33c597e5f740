"""What a release gives away, and what it lost: measured, told, and refused above a limit."""

from cartveil.guard.protect.risk.limits import refuse_above
from cartveil.guard.protect.risk.linkability import Linkability, linkability
from cartveil.guard.protect.risk.reidentification import Risk, risk
from cartveil.guard.protect.risk.report import ReleaseReport, Study

__all__ = ["Linkability", "ReleaseReport", "Risk", "Study", "linkability", "refuse_above", "risk"]
