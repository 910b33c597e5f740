"""What a browser shows: the run's report, and the page that checks a receipt; both load nothing."""

from cartveil.faces.console.receipt import render_receipt_page
from cartveil.faces.console.report import render_report

__all__ = ["render_receipt_page", "render_report"]
