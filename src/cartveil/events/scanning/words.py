"""What a column's name says of its kind, in both languages.

The last word is the head: an `order date` is a date, a `订单金额` an amount. So of all words that are known, the one
that ends last decides; where two end at one place, the longer.

    >>> kind_of_name("InvoiceDate"), kind_of_name("收货地址")
    (<Kind.EVENT_TIME: 'event_time'>, <Kind.ADDRESS: 'address'>)
"""

import re

from cartveil.events.kinds import Kind

_OF_PERSON = "customer|client|user|member|consumer|buyer|shopper|cust|subscriber|patient|cardholder|guest"
_NUMBER = r"(?: ?(?:id|ids|no|nr|num|number|nbr|code|key|ref|uuid|guid))"

_WORDS: dict[Kind, str] = {
    Kind.SECRET: (
        r"password|passwd|pwd|passcode|secret|api ?key|private ?key|access ?token|auth ?token|token|密码|"
        r"口令|密钥"
    ),
    Kind.CARD_CODE: (
        r"cvv2?|cvc2?|csc|card ?code|security ?code|card ?verification(?: ?(?:code|value))?|安全码|校验码"
    ),
    Kind.MINOR_FLAG: r"(?:is ?)?minor(?: ?flag)?|(?:is ?)?child|under ?(?:age|1[3468])|未成年人?|儿童",
    Kind.HEALTH_HINT: (
        r"health(?: ?\w+)?|diagnos[ie]s|disease|illness|allerg(?:y|ies)|medical(?: ?\w+)?|prescription|"
        r"medication|健康\w*|疾病|过敏\w*|处方|诊断|病史"
    ),
    Kind.CONSENT: r"consents?(?: ?\w+){0,2}|opt ?(?:in|out)|agreed|agreement|permissions?|gdpr|同意\w*|授权\w*|许可",
    Kind.EMAIL: r"e ?mail(?: ?addr(?:ess)?)?|mail|邮箱(?:地址)?|电子邮件|邮件地址",
    Kind.POSTCODE: r"post(?:al)? ?code|zip(?: ?code)?|postal|邮编|邮政编码",
    Kind.IP_ADDRESS: r"ip(?: ?v[46])?(?: ?addr(?:ess)?)?|ip ?地址",
    Kind.DEVICE_ID: (
        rf"device{_NUMBER}?|imei|imsi|mac(?: ?addr(?:ess)?)?|idfa|gaid|oaid|user ?agent|cookie{_NUMBER}?|"
        r"设备(?:号|码|id|编号|标识)?"
    ),
    Kind.COORDINATES: (
        r"lat(?:itude)?|lon(?:g|gitude)?|lng|coord(?:s|inates?)?|gps|geo ?point|geo ?location|经度|纬度|"
        r"经纬度|坐标"
    ),
    Kind.ADDRESS: r"address(?:es)?(?: ?(?:line)? ?[123])?|addr|street|地址|住址|收货地",
    Kind.PASSPORT: rf"passport{_NUMBER}?|护照号?码?|通行证号?码?",
    Kind.TAX_ID: (
        rf"tax{_NUMBER}|tax ?payer{_NUMBER}?|vat{_NUMBER}?|tin|ein|uscc|税号|(?:统一社会)?信用代码|"
        r"纳税人(?:识别号)?"
    ),
    Kind.ID_NUMBER: (
        rf"id ?(?:number|no|card(?:{_NUMBER})?)|identity{_NUMBER}?|identity ?card|national ?(?:id|"
        rf"insurance){_NUMBER}?|ssn|nino|citizen{_NUMBER}|身份证(?:号码?)?|证件号码?"
    ),
    Kind.PAYMENT_CARD: (
        rf"(?:payment|credit|debit|bank)? ?card{_NUMBER}?|pan|(?:银行|信用|储蓄|支付)卡(?:号码?)?|卡号"
    ),
    Kind.BANK_ACCOUNT: (
        r"iban|(?:bank)? ?account ?(?:no|nr|num|number|nbr)|bank ?account|sort ?code|银行账[户号]|账户|"
        r"开户\w*"
    ),
    Kind.PAYMENT_ACCOUNT: (
        rf"ali ?pay{_NUMBER}?|pay ?pal{_NUMBER}?|venmo|wechat ?pay|payment ?account|支付宝(?:账号)?|"
        r"微信支付|支付账[户号]"
    ),
    Kind.NICKNAME: (
        r"nick(?: ?name)?|user ?name|login(?: ?name)?|screen ?name|display ?name|handle|昵称|用户名|网名|"
        r"微信号?|qq号?"
    ),
    Kind.TRACKING_ID: (
        rf"track(?:ing)?{_NUMBER}?|waybill{_NUMBER}?|parcel{_NUMBER}|shipment{_NUMBER}|"
        rf"consignment{_NUMBER}?|运单号?|快递单?号?|物流单?号"
    ),
    Kind.ORDER_ID: (
        rf"order{_NUMBER}?|invoice{_NUMBER}?|receipt{_NUMBER}?|basket{_NUMBER}?|transaction{_NUMBER}?|"
        rf"txn{_NUMBER}?|purchase{_NUMBER}|cart{_NUMBER}|订单(?:号|编号|id)?|发票号码?|单号|流水号|交易号"
    ),
    Kind.LANDLINE: r"land ?line|home ?(?:phone|tel)|fixed ?line|fax|固话|座机|固定电话|传真",
    Kind.PHONE: (
        rf"(?:mobile|cell)? ?(?:tele)?phone{_NUMBER}?|mobile{_NUMBER}?|cell|tel{_NUMBER}?|msisdn|"
        r"contact ?(?:no|number)|手机(?:号码?)?|电话(?:号码?)?|联系方式|联系电话"
    ),
    Kind.USER_ID: (
        rf"(?:{_OF_PERSON}){_NUMBER}?|uid|account(?: ?id)?|loyalty{_NUMBER}?|(?:会员|用户|客户|买家|顾客|"
        r"消费者)(?:号|编号|id|编码|代码|标识)?"
    ),
    Kind.PERSON_NAME: (
        r"(?:first|last|full|given|family|sur|maiden|middle|fore|real|contact|person|recipient|receiver|"
        rf"consignee|{_OF_PERSON}) ?names?|^name|surname|recipient|consignee|cardholder|姓名|名字|^姓|"
        r"收[货件]人(?:姓名)?|联系人(?:姓名)?|(?:客户|会员|用户|顾客|买家)(?:姓名|名称)"
    ),
    Kind.BIRTH_DATE: (
        r"(?:date ?of ?)?birth(?: ?(?:date|day|year))?|birthdate|birthday|dob|生日|出生(?:日期|年月日?|"
        r"年份)?"
    ),
    Kind.GENDER: r"gender|sex|性别",
    Kind.COMPANY: (
        r"(?:company|employer|merchant|supplier|vendor|organi[sz]ation|seller|shop|store|"
        r"brand)(?: ?name)?|公司(?:名称)?|单位(?:名称)?|商家(?:名称)?|供应商|店铺(?:名称)?|品牌"
    ),
    Kind.EVENT_TIME: (
        r"date(?: ?time)?|time(?: ?stamp)?|timestamp|datetime|(?:created|updated|ordered|purchased|"
        r"shipped|registered|signed ?up)(?: ?(?:at|on))?|paid ?(?:at|on)| at|day|日期|时间|年月日"
    ),
    Kind.AMOUNT: (
        r"(?:unit )?price|amount|amt|total|subtotal|cost|paid|revenue|fee|value|spend|payment|discount|"
        r"balance|salary|income|金额|价格|单价|总价|费用|实付(?:款|金额)?|售价|余额|收入"
    ),
    Kind.QUANTITY: r"quantity|qty|count|units|pieces|pcs|number ?of ?\w+|num ?(?:items|units)|数量|件数|个数",
    Kind.FREE_TEXT: (
        r"notes?|comments?|remarks?|messages?|reviews?|feedback|memo|instructions?|text|body|content|"
        r"description|desc|备注|留言|评论|评价|说明|描述|内容|反馈"
    ),
    Kind.CATEGORY: (
        r"category|class|type|department|segment|group|colou?r|size|status|channel|method|level|tier|"
        r"model|language|currency|类别|分类|品类|状态|类型|渠道|颜色|尺码|等级|型号"
    ),
    Kind.PRODUCT: (
        rf"(?:product|item|goods|article){_NUMBER}?(?: ?(?:name|title))?|product ?desc(?:ription)?|"
        rf"sku{_NUMBER}?|stock ?code|asin|ean|upc|isbn|(?:商品|产品|货品)(?:号|编号|编码|id|名称|名|代码|"
        r"描述)?|货号|款号|品名"
    ),
    Kind.REGION: (
        r"country(?: ?code)?|region|city|town|state|province|county|district|nation|territory|国家|省份?|"
        r"城市|地区|区域|市|区县?"
    ),
}

_EXPRESSIONS = {kind: re.compile(rf"(?<![a-z])(?:{words})(?![a-z])") for kind, words in _WORDS.items()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that a column's name speaks of, or None."""
    words = spoken(name)
    best: tuple[int, int] = (0, 0)
    found = None
    for kind, expression in _EXPRESSIONS.items():
        for match in expression.finditer(words):
            rank = (match.end(), match.end() - match.start())
            if rank > best:
                best, found = rank, kind
    return found


def spoken(name: str) -> str:
    """Return a name as words in lower case: `CustomerID` and `customer_id` as `customer id`."""
    return re.sub(r"[\s_.\-/]+", " ", _CAMEL.sub(" ", name)).strip().lower()
