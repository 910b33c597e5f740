"""Cartveil keeps consumers' purchase data useful without exposing it.

>>> import cartveil
>>> rows = [{"name": "Emma Wilson", "mobile": "+44 7700 900123", "paid": 12.5}]
>>> key = bytes(32)  # made up; take `secrets.token_bytes(32)`
>>> cartveil.decrypt(cartveil.encrypt(rows, key), key).to_pylist() == rows
True
"""

import importlib

#: Name -> where it lives. Loaded when first asked for, so that `import cartveil` costs nothing.
_HOMES = {
    "encrypt": "cartveil.faces.api",
    "decrypt": "cartveil.faces.api",
    "anonymize": "cartveil.faces.api",
    "access_control": "cartveil.faces.api",
    "scan": "cartveil.events.scanning",
    "clean": "cartveil.events.cleaning",
    "load_schema": "cartveil.events.schema",
    "create_vault": "cartveil.faces.assemble",
    "open_vault": "cartveil.faces.assemble",
    "verify_receipt": "cartveil.guard.vault",
    "rehearse": "cartveil.faces.run",
    "CartveilError": "cartveil.errors",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `cartveil` has no attribute `{name}`")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
