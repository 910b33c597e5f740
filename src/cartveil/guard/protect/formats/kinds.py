"""Which format a column has: that of its kind, or of an alphabet."""

from cartveil.events.kinds import Kind
from cartveil.guard.protect.formats.cards import CARDS
from cartveil.guard.protect.formats.format import Format, plain_format
from cartveil.guard.protect.formats.identities import IDENTITIES
from cartveil.guard.protect.formats.phones import PHONES

#: Kinds whose values have a format with rules of its own.
FORMATS: dict[Kind, Format] = {
    Kind.PHONE: PHONES,
    Kind.LANDLINE: PHONES,
    Kind.PAYMENT_CARD: CARDS,
    Kind.ID_NUMBER: IDENTITIES,
}


def format_of(form: str) -> Format:
    """Return the format of a kind, of a named alphabet, or of an alphabet's symbols."""
    for kind, own in FORMATS.items():
        if form == kind:
            return own
    return plain_format("digits" if isinstance(form, Kind) else form)
