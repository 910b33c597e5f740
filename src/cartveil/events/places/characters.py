"""Traditional characters and misread ones as simple ones, one for one, so that no offset moves.

>>> simplified("臺北市大安區")
'台北市大安区'
"""

import re
from functools import cache
from importlib import resources

#: 卅 for 州 is the commonest slip of addresses that were read by a machine; 卅里河镇 is a town.
_SLIP = re.compile(r"卅(?=[市区县])")


def simplified(text: str) -> str:
    """Return the text with simple characters, of the same length."""
    try:
        # This old character set has no traditional character; asking it is the fastest way to know that none is there.
        text.encode("gb2312")
    except UnicodeEncodeError:
        text = text.translate(_table())
    return _SLIP.sub("州", text) if "卅" in text else text


@cache
def _table() -> dict[int, str]:
    pairs = (resources.files("cartveil.events") / "tables" / "traditional.txt").read_text(encoding="utf-8").split()
    return {ord(pair[0]): pair[1] for pair in pairs}
