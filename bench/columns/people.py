"""Writers of what people and companies are called, and of what they write."""

import random

from bench.columns import words as w
from bench.columns.numbers import cn_mobile
from bench.columns.writers import Writer, digits


def zh_name(draw: random.Random, row: int) -> str:
    """Write a Chinese name."""
    chance = draw.random()
    if chance < 0.02:
        return draw.choice(w.MINORITY_NAMES)
    family = draw.choice(w.COMPOUND_SURNAMES) if chance < 0.05 else draw.choice(w.SURNAMES)
    return family + "".join(draw.choice(w.GIVEN) for _ in range(draw.choice([1, 2, 2])))


def zh_titled(draw: random.Random, row: int) -> str:
    """Write a name as couriers see it."""
    return draw.choice(w.SURNAMES) + draw.choice(["先生", "女士", "小姐", "老师", "阿姨"])


def zh_hidden(draw: random.Random, row: int) -> str:
    """Write a name with its middle hidden."""
    return draw.choice(w.SURNAMES) + draw.choice(["*", "**"]) + draw.choice(["", draw.choice(w.GIVEN)])


def pinyin_name(draw: random.Random, row: int) -> str:
    """Write a Chinese name in Latin letters."""
    family, given = draw.choice(w.PINYIN_FAMILY), draw.choice(w.PINYIN_GIVEN)
    return draw.choice([f"{given} {family}", f"{family} {given}", f"{family.upper()} {given}"])


def en_name(draw: random.Random, row: int) -> str:
    """Write a first and a last name."""
    return f"{draw.choice(w.FIRST)} {draw.choice(w.LAST)}"


def en_name_reversed(draw: random.Random, row: int) -> str:
    """Write a last name first."""
    return f"{draw.choice(w.LAST)}, {draw.choice(w.FIRST)}"


def en_name_formal(draw: random.Random, row: int) -> str:
    """Write a name as on a card."""
    return f"{draw.choice(['MR', 'MRS', 'MS', 'DR'])} {draw.choice('ABCDEJKLMPRST')} {draw.choice(w.LAST).upper()}"


def en_first(draw: random.Random, row: int) -> str:
    """Write a first name."""
    return draw.choice(w.FIRST)


def en_last(draw: random.Random, row: int) -> str:
    """Write a last name."""
    return draw.choice(w.LAST)


def email(draw: random.Random, row: int) -> str:
    """Write an e-mail address."""
    stem = draw.choice(
        [
            f"{draw.choice(w.FIRST)}.{draw.choice(w.LAST)}".encode("ascii", "ignore").decode().replace("'", ""),
            f"{draw.choice(w.LOGINS)}{draw.randint(1, 9999)}",
            digits(draw, draw.randint(6, 10)),
            f"{draw.choice(w.PINYIN_FAMILY)}_{draw.choice(w.PINYIN_GIVEN)}",
        ]
    )
    return f"{draw.choice([stem, stem.lower()])}@{draw.choice(w.DOMAINS)}"


def company_zh(draw: random.Random, row: int) -> str:
    """Write a company."""
    city = draw.choice(["深圳市", "杭州", "上海", "广州", "北京", ""])
    return city + draw.choice(w.COMPANY_STEM_ZH) + draw.choice(w.COMPANY_KIND_ZH) + draw.choice(w.COMPANY_TAIL_ZH)


def company_en(draw: random.Random, row: int) -> str:
    """Write a company."""
    return f"{draw.choice(w.COMPANY_STEM_EN)} {draw.choice(w.LAST)} {draw.choice(w.COMPANY_TAIL_EN)}"


def shop_zh(draw: random.Random, row: int) -> str:
    """Write a shop."""
    return draw.choice(w.COMPANY_STEM_ZH) + draw.choice(w.SHOPS_ZH)


def note(language: str, personal: float = 0.0) -> Writer:
    """Return a writer of notes, of which a share holds somebody's number, address or mail."""

    def write(draw: random.Random, row: int) -> str:
        text = draw.choice(w.NOTES_ZH if language == "zh" else w.NOTES_EN) + f"{draw.choice(['', '!', '。', ' :)'])}"
        if draw.random() >= personal:
            return text
        extra = draw.choice([cn_mobile(), email, cn_mobile("{} {} {}")])(draw, row)
        return f"{text}，联系{extra}" if language == "zh" else f"{text}, call {extra}"

    return write


def nickname(draw: random.Random, row: int) -> str:
    """Write what somebody calls themselves."""
    return draw.choice(w.HANDLES) + draw.choice(["", "", str(draw.randint(1, 999)), "~", "_"])


def login(draw: random.Random, row: int) -> str:
    """Write a login."""
    return (
        draw.choice(w.LOGINS)
        + draw.choice(["_", ".", ""])
        + draw.choice([str(draw.randint(1, 9999)), draw.choice(w.LOGINS)])
    )
