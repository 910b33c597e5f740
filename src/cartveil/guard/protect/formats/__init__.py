"""Formats with rules of their own: what may change in a phone, card or identity number, and what must hold after."""

from cartveil.guard.protect.formats.format import Cipher, Format, Group
from cartveil.guard.protect.formats.kinds import FORMATS, format_of

__all__ = ["FORMATS", "Cipher", "Format", "Group", "format_of"]
