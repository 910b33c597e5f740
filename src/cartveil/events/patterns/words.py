"""Words that say what the number after them is: `订单号`, `my account number is`, `QQ：`.

A number rarely says itself what it is; the word before it does. Numbers are few and words are many, so this looks back
from a number instead of forward from every word.

>>> word_before("my account number is 12345678", 21)
'account'
>>> SAID["account"].kind
<Kind.BANK_ACCOUNT: 'bank_account'>
"""

import re
from dataclasses import dataclass

from cartveil.events.kinds import Kind
from cartveil.events.patterns.shapes import END, GAP

#: How far back a word may begin.
_REACH = 44

_SIGNS = " \t:：=＝#*-—>→\"'“”‘’「」『』【】[](（<《,，·."

#: What may stand between a word and its number; more than a few of them are a sentence.
_FILLERS = (
    "号码|号|编号|编码|码|为|是|就是|也是|还是|我的|这个|如下|改成|换成|更新为|number|numbers|no|nr|num|id|code|is|was|are|be|"
    "at|on|me|us|him|her|them|my|our|your|the|in|as|of|ref|reference|ending"
)
_MOST_FILLERS = 5


@dataclass(frozen=True)
class Said:
    """What follows a word.

    Args:
        kind: Of the value.
        value: How it is written, from its first letter or digit on.
        confidence: How sure.
        outranks: Whether the word is believed against the form of another number, but for one with a check digit.
    """

    kind: Kind
    value: re.Pattern[str]
    confidence: float = 0.8
    outranks: bool = False


def word_before(text: str, at: int) -> str:
    """Return the known word that a text has right before a place, or `""`.

    Args:
        text: Normal.
        at: Where a number begins.
    """
    if text[at - 1 : at] not in _NEARBY:
        return ""
    tail = text[max(0, at - _REACH) : at].lower()
    for _ in range(_MOST_FILLERS):
        tail = tail.rstrip(_SIGNS)
        word = _last_word(tail)
        if not word or word in SAID:
            return word
        tail = tail[: -len(word)]
    return ""


def _last_word(tail: str) -> str:
    for end in (tail[-2:], tail[-1:]):
        for word in _ENDS.get(end, ()):
            if tail.endswith(word) and _begins(tail, word):
                return word
    return ""


def _begins(tail: str, word: str) -> bool:
    """Return whether a word of Latin letters begins where it does in the text, and not within another one."""
    before = tail[-len(word) - 1 : -len(word)]
    return not (word[0].isascii() and word[0].isalpha() and before.isascii() and before.isalpha())


def _value(expression: str) -> re.Pattern[str]:
    return re.compile(expression + END, re.ASCII)


# A number that follows its word has a digit soon: `my order arrived` names none.
_NUMBERED = r"(?=[A-Za-z_.\-]{0,24}[0-9])"
_DAY = (
    r"(?:(?:18|19|20)[0-9]{2} ?[-/.年] ?[0-9]{1,2} ?[-/.月] ?[0-9]{1,2}[日号]?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}"
    r"|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|[0-9]{2}年[0-9]{1,2}月[0-9]{1,2}[日号]?"
    r"|(?:19|20)[0-9]{2} ?[-/.年] ?[0-9]{1,2}月?|[0-9]{1,2}月[0-9]{1,2}[日号]"
    r"|[0-9]{1,2}(?:st|nd|rd|th)? (?:of )?[A-Z][a-z]{2,8}\.?,? (?:19|20)[0-9]{2})"
)
_PHONE = rf"[0-9](?:{GAP}[0-9]){{6,14}}"
# After a space a word may go on only where digits come.
_MORE = r"(?:[ -](?=[0-9A-Z]{0,4}[0-9]))?"
_DIGITS = r"[0-9](?:[ -]?[0-9])"
_TRACKING = _value(_NUMBERED + rf"[0-9A-Za-z](?:{_MORE}[0-9A-Za-z]){{8,33}}")

_TABLE: tuple[tuple[str, Said], ...] = (
    (
        "订单|订单号|订单编号|定单|子订单|单据号|流水号|交易号|交易单号|交易流水号|合同|合同号|发票|发票号|退款单|"
        "退款单号|退货单号|售后单号|售后单|工单号|小票号|商户单号|采购单|采购单号|order|orders|order id|invoice|"
        "booking|transaction|txn|transaction id|receipt|refund number|refund id|case number|case no|ticket|"
        "ticket number|confirmation|confirmation number|purchase order|po number|po no",
        Said(
            Kind.ORDER_ID,
            _value(_NUMBERED + r"[0-9A-Za-z](?:[0-9A-Za-z_]|-(?=[0-9A-Za-z])){5,35}"),
            0.85,
            outranks=True,
        ),
    ),
    (
        "快递单|快递单号|运单|运单号|物流单|物流单号|面单号|单号|包裹单号|tracking|tracking id|waybill|awb|consignment",
        Said(Kind.TRACKING_ID, _TRACKING, 0.8, outranks=True),
    ),
    # Of a carrier there is a number of a parcel or a telephone number.
    (
        "快递|物流|包裹|顺丰|圆通|中通|申通|韵达|百世|极兔|德邦|京东快递|ems|快件|parcel|shipment|fedex|ups|dhl|usps",
        Said(Kind.TRACKING_ID, _TRACKING, 0.75),
    ),
    (
        "电话|手机|手机号|手机号码|联系方式|联系|联系人|座机|固话|固定电话|传真|热线|打|拨打|致电|来电|短号|call|"
        "text|phone|telephone|tel|tele|mobile|mob|cell|cellphone|fax|whatsapp|contact|ring|reach|ph|hotline|sms|"
        "answering|dial|dialing|desk|direct line",
        Said(Kind.PHONE, _value(_PHONE), 0.8),
    ),
    (
        "微信|微信号|薇信|薇信号|威信|威信号|徽信|微信id|v信|wx|vx|weixin|wechat|加v|加微|加微信|qq|qq号|q扣|扣扣|"
        "扣扣号|企鹅号|qq群|telegram|tg|skype|钉钉|飞书|旺旺|抖音号|快手号|小红书号|微博|instagram|snapchat",
        Said(
            Kind.MESSENGER_ID,
            _value(r"(?:[0-9](?:[ -]?[0-9]){4,11}|" + _NUMBERED + r"[0-9A-Za-z][0-9A-Za-z_-]{4,23})"),
            0.8,
        ),
    ),
    (
        "支付宝|支付宝账号|支付宝帐号|支付宝账户|微信支付|alipay|paypal|venmo|zelle|cash app|cashapp|alipay account|"
        "paypal account",
        Said(Kind.PAYMENT_ACCOUNT, _value(r"(?=[A-Za-z_.\-]{0,24}[0-9@])[0-9A-Za-z_.@\-]{5,64}"), 0.8),
    ),
    (
        "账户|帐户|账号|帐号|卡号|银行卡|银行卡号|银行账户|银行账号|储蓄卡|信用卡|account|acct|a/c|card|routing|"
        "routing number|aba|sort code",
        Said(Kind.BANK_ACCOUNT, _value(rf"{_DIGITS}{{5,22}}"), 0.75),
    ),
    (
        "身份证|身份证件|身份证明|身份证号|证件|证件号|证件号码|社保号|社保卡|社保卡号|医保号|医保卡|医保卡号|驾驶证|"
        "驾驶证号|驾照|军官证|居住证|居留证|id card|national id|identity|identity card|ssn|nino|license|licence|"
        "license number|licence number|nhs|social security|social security number|national insurance|insurance number",
        Said(Kind.ID_NUMBER, _value(_NUMBERED + rf"[0-9A-Za-z](?:{_MORE}[0-9A-Za-z()]){{5,22}}"), 0.8),
    ),
    (
        "护照|护照号|护照号码|通行证|通行证号|台胞证|回乡证|passport",
        Said(Kind.PASSPORT, _value(_NUMBERED + rf"[0-9A-Z](?:{_MORE}[0-9A-Z]){{5,9}}"), 0.9, outranks=True),
    ),
    ("cvv|cvv2|cvc|cvc2|cv2|安全码|校验码|security code", Said(Kind.CARD_CODE, _value(r"[0-9]{3,4}"), 0.9)),
    (
        "生日|出生|出生日期|出生年月|出生年月日|出生于|生于|birthday|birth|dob|born|birthdate|birth date",
        Said(Kind.BIRTH_DATE, re.compile(_DAY + r"(?![0-9])"), 0.85),
    ),
    (
        "邮编|邮政编码|邮码|邮递区号|postcode|postal code|zip|zipcode|zip code",
        Said(Kind.POSTCODE, _value(r"[0-9]{5,6}(?:-[0-9]{4})?"), 0.85),
    ),
    (
        "会员号|会员卡|会员卡号|会员编号|会员id|用户名|用户id|用户编号|客户号|客户编号|工号|学号|员工号|员工编号|"
        "user id|userid|uid|username|user name|member id|member number|membership number|membership|customer id|"
        "customer number|customer no|employee id|employee number|student id",
        Said(Kind.USER_ID, _value(_NUMBERED + r"[0-9A-Za-z][0-9A-Za-z_-]{4,23}"), 0.8),
    ),
    ("昵称|网名|nickname", Said(Kind.NICKNAME, _value(r"[0-9A-Za-z_-]{4,24}"), 0.8)),
    (
        "imei|meid|串号|设备号|设备id|device id|udid|idfa|oaid",
        Said(Kind.DEVICE_ID, _value(r"(?=[A-Za-z-]{0,8}[0-9])[0-9A-Za-z-]{14,40}"), 0.85, outranks=True),
    ),
    (
        "验证码|动态码|取件码|取货码|提货码|门禁码|otp|passcode|verification code|security pin",
        Said(Kind.SECRET, _value(r"[0-9A-Za-z](?:-?[0-9A-Za-z]){2,11}"), 0.8),
    ),
    (
        "税号|纳税人识别号|信用代码|统一社会信用代码|组织机构代码|vat|ein|tax|tax number|vat number",
        Said(Kind.TAX_ID, _value(r"(?=[A-Z]{0,3}[0-9])[0-9A-Z](?:-?[0-9A-Z]){7,19}"), 0.8),
    ),
    (
        "车牌|车牌号|车牌号码|license plate|licence plate|number plate|plate number|registration number",
        Said(Kind.PLATE, _value(r"(?=[A-Z]{0,4} ?[0-9])[0-9A-Z]{1,4}[ -]?[0-9A-Z]{1,4}(?:[ -]?[0-9]{1,4})?"), 0.85),
    ),
)

SAID: dict[str, Said] = {word: said for words, said in _TABLE for word in words.split("|")}


def _by_end(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the words by their last two letters, the longest first, and those of one letter by that."""
    ends: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        ends.setdefault(word[-2:], []).append(word)
    return {end: tuple(each) for end, each in ends.items()}


_ENDS = _by_end((*SAID, *(filler for filler in _FILLERS.split("|") if filler not in SAID)))
#: What may stand right before a number that a word speaks of.
_NEARBY = frozenset((*_SIGNS, *(sign for end in _ENDS for sign in (end[-1], end[-1].upper()))))
