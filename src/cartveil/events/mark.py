"""The token without which there are no `ProtectedEvents`.

Two modules import this one: `protected`, whose class asks for the token, and `cartveil.guard.protect`, which makes
releases. A contract of import-linter refuses every other import, so nothing else can turn raw data into training data.
"""


class ProtectionMark:
    """Says that whoever holds it has protected the table."""
