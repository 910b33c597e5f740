"""How personal values are replaced: by which form, and under which key.

>>> Style(Form.SURROGATES, SecretKey(bytes(32)))
Style(form=<Form.SURROGATES: 'surrogates'>)
"""

from dataclasses import dataclass, field
from enum import StrEnum

from cartveil.errors import InputError
from cartveil.guard.keys import SecretKey


class Form(StrEnum):
    """What stands in a value's place."""

    LABELS = "labels"  # [phone]
    MASKS = "masks"  # 138****5678
    SURROGATES = "surrogates"  # 13987654321, which is nobody's in particular


@dataclass(frozen=True)
class Style:
    """How values are replaced.

    Args:
        form: Labels, masks or surrogates.
        key: Of the scope, for surrogates: the same value under the same key gets the same surrogate.
        names: The key of `surrogate_name` for a column of names, so that the person a row is about bears the same
            made-up name in its texts; `key` where None.

    Raises:
        InputError: Surrogates without a key.
    """

    form: Form = Form.LABELS
    key: SecretKey | None = field(default=None, repr=False)
    names: SecretKey | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.form is Form.SURROGATES and self.key is None:
            raise InputError("surrogates need a key", path="redact", hint="take one from `SecretKey.generate`")


#: The style that needs no key and shows nothing.
LABELS = Style()
