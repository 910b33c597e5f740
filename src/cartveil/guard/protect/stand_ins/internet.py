"""E-mail and network addresses that nobody has: of the domains and blocks that are kept free for examples.

Source: RFC 2606 (example domains), RFC 5737 and RFC 3849 (addresses for documentation).
"""

import ipaddress
import re

from cartveil.guard.protect.stand_ins.codes import code_surrogate
from cartveil.guard.protect.stand_ins.digits import plain_digits
from cartveil.guard.protect.stand_ins.draws import Scope
from cartveil.guard.protect.stand_ins.lists import listed

_DOMAINS = ("example.com", "example.org", "example.net")
_BLOCKS = ("192.0.2.", "198.51.100.", "203.0.113.")
_TOKEN = "abcdefghijkmnpqrstuvwxyz23456789"  # noqa: S105 - an alphabet
_TOKEN_LENGTH = 8


def email_surrogate(text: str, scope: Scope) -> str:
    """Return another e-mail address, at a domain that takes no mail.

    Guarantees:
        - However its letters are cased, one address gets one surrogate.
        - Words become words and numbers numbers of the same length; marks between them stay.
    """
    local, at, domain = plain_digits(text).casefold().rpartition("@")
    if not at:
        return code_surrogate(text, scope) or text
    draw = scope.draw("email", local, domain)
    made = re.sub(r"[^\W\d_]+", lambda _: draw.one_of(listed("mail_words")), local)
    made = re.sub(r"\d+", lambda digits: draw.digits(len(digits[0])), made)
    if made == local:
        made = draw.one_of(listed("mail_words"))
    return f"{made}@{draw.one_of(_DOMAINS)}"


def url_surrogate(text: str, scope: Scope) -> str:
    """Return an address of an example site, with a token of its own in place of path and query."""
    plain = plain_digits(text)
    front, slashes, rest = plain.partition("://")
    draw = scope.draw("url", plain)
    site = draw.one_of(_DOMAINS)
    path = (
        "/" + "".join(draw.one_of(_TOKEN) for _ in range(_TOKEN_LENGTH)) if re.search(r"[/?#].", rest or front) else ""
    )
    return f"{front}{slashes}{site}{path}" if slashes else site + path


def ip_surrogate(text: str, scope: Scope) -> str | None:
    """Return an address of the blocks for documentation; the length of a prefix stays.

    A block has 256 addresses, and there are three of them: two addresses of one scope may get the same surrogate.
    """
    plain, slash, length = plain_digits(text).partition("/")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return code_surrogate(text, scope)
    draw = scope.draw("ip", str(address))
    if address.version == 4:
        return f"{draw.one_of(_BLOCKS)}{draw.below(256)}{slash}{length}"
    groups = ":".join(f"{draw.below(1 << 16):x}" for _ in range(2))
    return f"2001:db8::{groups}{slash}{length}"


def coordinates_surrogate(text: str, scope: Scope) -> str | None:
    """Return other coordinates, one to four degrees away in both directions, with as many decimals."""
    numbers = list(re.finditer(r"[-+]?\d{1,3}\.\d+", plain_digits(text)))
    if len(numbers) != 2:
        return code_surrogate(text, scope)
    draw, plain = scope.draw("coordinates", re.sub(r"\s", "", text)), plain_digits(text)
    parts, at = [], 0
    for number, most in zip(numbers, (89, 179), strict=True):
        decimals = len(number[0].partition(".")[2])
        by = (1 + draw.below(3 * 10**6) / 10**6) * (1 if draw.below(2) else -1)
        made = float(number[0]) + by
        parts += [plain[at : number.start()], f"{made if abs(made) <= most else float(number[0]) - by:.{decimals}f}"]
        at = number.end()
    return "".join([*parts, plain[at:]])
