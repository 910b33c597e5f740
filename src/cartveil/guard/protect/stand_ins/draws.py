"""Keyed chance: numbers that look random, and are the same each time for the same value under the same key.

>>> some = Scope(bytes(32), "consumer 1")
>>> some.draw("phone", "13812345678").digits(4) == some.draw("phone", "13812345678").digits(4)
True
"""

import hmac
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")

_WORD_BYTES = 8


class Draw:
    """An endless sequence of numbers that one value has; the first ones drawn are always the same."""

    def __init__(self, secret: bytes, message: bytes) -> None:
        self._secret, self._message, self._block, self._left = secret, message, 0, b""

    def below(self, size: int) -> int:
        """Return a number from 0 to `size` - 1; sizes are far below 2^64, so that none is favoured noticeably."""
        if len(self._left) < _WORD_BYTES:
            counter = self._block.to_bytes(_WORD_BYTES)
            self._left += hmac.digest(self._secret, counter + self._message, "sha256")
            self._block += 1
        word, self._left = self._left[:_WORD_BYTES], self._left[_WORD_BYTES:]
        return int.from_bytes(word) % size

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """Return one of these."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """Return so many digits."""
        return "".join(str(self.below(10)) for _ in range(count))


class Scope:
    """Where the same value always gets the same surrogate: one key, and one consumer where a subject is given.

    Args:
        secret: 32 bytes of the primitive's own key.
        subject: Whose texts these are; two subjects share no surrogate but by chance.
    """

    def __init__(self, secret: bytes, subject: str = "") -> None:
        self._secret = hmac.digest(secret, b"subject " + _bytes(subject), "sha256")

    def draw(self, what: str, *names: str) -> Draw:
        """Return the numbers that belong to these words."""
        parts = [_bytes(name) for name in (what, *names)]
        return Draw(self._secret, b"".join(len(part).to_bytes(_WORD_BYTES) + part for part in parts))


def _bytes(text: str) -> bytes:
    # Half of a surrogate pair, which a broken export may hold, is no reason to stop.
    return text.encode("utf-8", "surrogatepass")
