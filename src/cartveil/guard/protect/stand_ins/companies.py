"""Made-up organisations: what they are stays (a company, a school, a hospital), who they are does not."""

import re

from cartveil.guard.protect.stand_ins.draws import Scope
from cartveil.guard.protect.stand_ins.lists import listed

_HAN = re.compile(r"[\u3400-\u9fff]")
_KIND = re.compile(
    r"(?:(?:网络|信息|电子|生物|环保|建筑|装饰|文化|广告|教育|医药|食品|服饰|物流|贸易|商贸|投资|置业|机械|科技|技术|传媒|咨询|实业)*"
    r"(?:股份|集团|控股)?(?:有限责任公司|有限公司|股份公司|分公司|总公司|公司)|集团|事务所|工作室|合作社|加工厂|制造厂|厂|"
    r"大学|学院|中学|小学|幼儿园|学校|医院|卫生院|诊所|银行|支行|分行|酒店|宾馆|饭店|餐厅|超市|商店|商场|门店|店|"
    r"委员会|居委会|村委会|派出所|公安局|分局|法院|检察院|政府|局|研究院|研究所|研究中心|中心|协会|基金会|俱乐部|报社|出版社|部|院|所|会|行)$"
)
_ENGLISH_KIND = re.compile(
    r"(?:\s*,?\s*(?:Inc|Ltd|LLC|LLP|PLC|Plc|Corp|Co|GmbH|AG|Limited|Company|Corporation|Group|Holdings|University|College|"
    r"School|Hospital|Bank|Hotel|Store|Shop|Services|Solutions|Systems|Partners|Associates|Foundation|Institute|Trust)\.?)+$"
)


def company_surrogate(text: str, scope: Scope) -> str:
    """Return the name of another organisation of the same kind and culture."""
    return _han_company(text, scope) if _HAN.search(text) else _english_company(text, scope)


def _han_company(text: str, scope: Scope) -> str:
    kind = _KIND.search(text)
    draw = scope.draw("company", "".join(text.split()))
    brands = [brand for brand in listed("brands") if brand not in text]
    end = kind[0] if kind and kind.start() else ""
    brand = draw.one_of(brands)
    # A long name without a kind has a second word; nothing of it is left.
    return brand + end if end or len(text) < _LONG else brand + draw.one_of(brands)


_LONG = 4


def _english_company(text: str, scope: Scope) -> str:
    kind = _ENGLISH_KIND.search(text)
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    draw = scope.draw("company", " ".join(text.casefold().split()))
    made = draw.one_of([name for name in listed("english_brands") if name.casefold() not in words])
    made += kind[0] if kind and kind.start() else ""
    return made.upper() if text.isupper() else made
