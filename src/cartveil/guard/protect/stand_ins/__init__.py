"""What takes the place of a personal value in a text: a label, a mask, or a made-up value of its kind and shape."""

from cartveil.guard.protect.stand_ins.style import LABELS, Form, Style
from cartveil.guard.protect.stand_ins.values import Found, stand_ins

__all__ = ["LABELS", "Form", "Found", "Style", "stand_ins"]
