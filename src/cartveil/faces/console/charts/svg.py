"""The few SVG elements that the charts are drawn with; every text and attribute is escaped.

>>> print(text("a < b", x=1, y=2))
<text class="label" x="1" y="2">a &lt; b</text>
"""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Point = tuple[float, float]


def element(name: str, body: str | Markup = "", **attributes: object) -> Markup:
    """Return one element; `class_` stands for `class`, and an underscore in a name for a hyphen."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{pairs}>{escape(body)}</{name}>")  # noqa: S704 - every part was escaped just above


def _short(value: object) -> object:
    # Tenths of a pixel are enough, and keep the page small.
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def drawing(parts: Iterable[Markup], *, size: tuple[float, float], label: str) -> Markup:
    """Return the chart; `label` is what a screen reader says instead of it."""
    width, height = size
    body = Markup("").join(parts)
    return element(
        "svg", body, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label, style=f"max-width:{width:g}px"
    )


def text(words: str, *, x: float, y: float, kind: str = "label", anchor: str = "") -> Markup:
    """Return a line of text; `anchor` is `middle` or `end` where it does not start at `x`."""
    placed = {"text_anchor": anchor} if anchor else {}
    return element("text", words, class_=kind, x=x, y=y, **placed)


def breadth(words: str) -> float:
    """Return about how many pixels a label takes; nobody can measure a font from here.

    >>> breadth("kNN") < breadth("推荐模型")
    True
    """
    return sum(14.5 if ord(letter) > 0x2E80 else 8.8 for letter in words)


def path(points: Sequence[Point], *, kind: str, closed: bool = False) -> Markup:
    """Return a line through the points, or the area that they enclose."""
    steps = " ".join(f"{'L' if place else 'M'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(points))
    return element("path", class_=kind, d=steps + (" Z" if closed else ""))


def scale(value: float, *, domain: tuple[float, float], to: tuple[float, float]) -> float:
    """Map a value from one range to another, straight."""
    low, high = domain
    share = (value - low) / (high - low) if high > low else 0.0
    return to[0] + share * (to[1] - to[0])


def ticks(high: float, *, count: int = 4) -> tuple[float, ...]:
    """Return about `count` round numbers from zero to at least `high`.

    >>> ticks(87)
    (0.0, 25.0, 50.0, 75.0, 100.0)
    """
    if not 1e-9 < high < math.inf:
        return (0.0, 1.0)
    rough = high / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return tuple(step * place for place in range(math.ceil(high / step - 1e-9) + 1))


def figure(value: float) -> str:
    """Return a number as a label: grouped when large, four digits behind the point when below one.

    >>> figure(12345), figure(0.31057), figure(2.5), figure(19.001), figure(0)
    ('12,345', '.3106', '2.5', '19', '0')
    """
    if not math.isfinite(value):
        return "–"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{value:.4f}".replace("0.", ".", 1)
