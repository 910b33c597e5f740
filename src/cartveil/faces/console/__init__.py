"""What a browser shows: the run's report as one page that loads nothing."""

from cartveil.faces.console.report import render_report

__all__ = ["render_report"]
