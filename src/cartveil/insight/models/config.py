"""Frozen configs in a model's card: written as JSON, read back as what they were.

>>> from cartveil.insight.models.encoder import EncoderConfig
>>> config = EncoderConfig(categorical=(("item", 100),), hidden=32)
>>> read_config(EncoderConfig, written_config(config), path="models/next") == config
True
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from cartveil.errors import ModelError

Config = TypeVar("Config")


def written_config(config: object) -> dict[str, Any]:
    """Return a frozen config, and those within it, as what JSON can hold.

    Raises:
        TypeError: It is no dataclass.
    """
    return asdict(config)  # type: ignore[call-overload,no-any-return]


def read_config(kind: type[Config], written: Any, *, path: str | Path) -> Config:
    """Return the config that was written, whole.

    Args:
        kind: The dataclass it was; what is itself such a dataclass in it is read alike.
        written: What `written_config` gave, after a way through JSON.
        path: Of the model, for the message.

    Raises:
        ModelError: A field is missing or unknown, or does not make sense: another version wrote it.
    """
    if not isinstance(written, Mapping):
        raise ModelError("card holds no config", path=str(path), hint="train the model again")
    unknown = sorted(set(written) - {field.name for field in fields(kind)})  # type: ignore[arg-type]
    if unknown:
        hint = "use the version of Cartveil that the card names, or train the model again"
        raise ModelError(f"config has `{unknown[0]}`, which this version does not know", path=str(path), hint=hint)
    inner = get_type_hints(kind)
    try:
        return kind(**{name: _value(inner[name], value, path=path) for name, value in written.items()})
    except TypeError as error:
        raise ModelError("config is not whole", path=str(path), hint="train the model again") from error


def _value(kind: Any, value: Any, *, path: str | Path) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return read_config(kind, value, path=path)
    return _tuples(value)


def _tuples(value: Any) -> Any:
    """Return what JSON made lists of as the tuples that they were."""
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
