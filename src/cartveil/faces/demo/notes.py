"""What customers write into the box for the courier: now and then with a name or a number in it."""

from random import Random

#: Notes that hold nothing personal.
_PLAIN_ZH = (
    "放门口就行，谢谢",
    "家里有狗，请勿按门铃",
    "放丰巢快递柜，不用打电话",
    "工作日放前台，周末请送到家",
    "易碎品，请轻拿轻放",
    "电梯在维修，请走东侧楼梯",
    "送货前请确认包装完好",
    "晚上七点以后再送",
)
_PERSONAL_ZH = (
    "请提前打{mobile}联系",
    "收件人{name}，电话{mobile}，放菜鸟驿站",
    "务必{name}本人签收",
    "找{name}，到楼下打{mobile}",
    "我不在家就交给物业，说是{name}的快递",
    "改送公司前台，{name}收，{mobile}",
)
_PLAIN_EN = (
    "Please leave in the porch",
    "Ring twice, the bell is faint",
    "Leave with the neighbour on the left if nobody answers",
    "Side gate is open, put it behind the bins",
    "Fragile, please do not stack",
    "Not before noon, thank you",
    "Dog in the garden, please use the front door",
    "Goods entrance is at the back, by the loading bay",
)
_PERSONAL_EN = (
    "Please call {mobile} when you arrive",
    "Leave at reception for {name}",
    "Ask for {name}, mobile {mobile}",
    "{name} has to sign for it in person",
    "If nobody is in, text {mobile} and leave it in the shed",
    "It is a present, so please phone {name} on {mobile} first",
)

_NONE, _PLAIN = 0.25, 0.6


def delivery_note(random: Random, *, name: str, mobile: str, chinese: bool) -> str | None:
    """Return a note, or None; about four in ten hold the customer's name or number."""
    draw = random.random()
    if draw < _NONE:
        return None
    plain, personal = (_PLAIN_ZH, _PERSONAL_ZH) if chinese else (_PLAIN_EN, _PERSONAL_EN)
    return random.choice(plain if draw < _PLAIN else personal).format(name=name, mobile=mobile)
