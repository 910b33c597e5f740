"""The page on which anyone can check a receipt: one form, answered by the server, without scripts.

>>> "<textarea" in render_receipt_page(nonce="n")
True
"""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader

from cartveil.errors import CartveilError


def render_receipt_page(
    *,
    nonce: str,
    facts: Mapping[str, object] | None = None,
    key_given: bool = False,
    error: CartveilError | None = None,
) -> str:
    """Return the page as HTML.

    Args:
        nonce: Names the page's own style sheet in its content security policy.
        facts: What holds, where a receipt was checked: `subject`, `time`, `deleted`, `entries`.
        key_given: Whether it was checked against a key known from elsewhere.
        error: Why it does not hold, where it does not.

    Guarantees:
        - Every value is escaped.
        - The page names no resource outside itself.
    """
    loader = PackageLoader("cartveil.faces.console")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("receipt.html").render(nonce=nonce, facts=facts, key_given=key_given, error=error)
