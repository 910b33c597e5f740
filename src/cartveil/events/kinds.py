"""What a column can hold, which part it plays, and what may be done to it: the words of `cartveil.toml`.

>>> Kind("phone").default().protect
Step(method=<Method.SEAL: 'seal'>, options=())
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column's values are."""

    USER_ID = "user_id"
    PERSON_NAME = "person_name"
    NICKNAME = "nickname"
    PHONE = "phone"
    LANDLINE = "landline"
    EMAIL = "email"
    ID_NUMBER = "id_number"
    PASSPORT = "passport"
    BIRTH_DATE = "birth_date"
    GENDER = "gender"
    ADDRESS = "address"
    POSTCODE = "postcode"
    COORDINATES = "coordinates"
    PAYMENT_CARD = "payment_card"
    BANK_ACCOUNT = "bank_account"
    PAYMENT_ACCOUNT = "payment_account"
    CARD_CODE = "card_code"
    ORDER_ID = "order_id"
    TRACKING_ID = "tracking_id"
    EVENT_TIME = "event_time"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    PRODUCT = "product"
    CATEGORY = "category"
    COMPANY = "company"
    TAX_ID = "tax_id"
    IP_ADDRESS = "ip_address"
    DEVICE_ID = "device_id"
    MESSENGER_ID = "messenger_id"
    PLATE = "plate"
    URL = "url"
    FREE_TEXT = "free_text"
    REGION = "region"
    CONSENT = "consent"
    MINOR_FLAG = "minor_flag"
    HEALTH_HINT = "health_hint"
    SECRET = "secret"  # noqa: S105 - the name of a kind, not a secret
    OTHER = "other"

    def default(self) -> "Default":
        """Return the protection that a column of this kind gets unless the schema says otherwise."""
        return DEFAULTS[self]

    @property
    def sensitivity(self) -> "Sensitivity":
        """Return the group that policies speak of."""
        return DEFAULTS[self].sensitivity


class Sensitivity(StrEnum):
    """Groups of kinds that a policy treats alike."""

    DIRECT = "direct"  # names the person: name, phone, e-mail, address, user id
    OFFICIAL = "official"  # issued by a state: identity number, passport, tax id
    PAYMENT = "payment"  # moves money: card, account
    QUASI = "quasi"  # narrows down: birth date, gender, postcode, region
    BEHAVIOUR = "behaviour"  # what was bought, when, for how much
    TEXT = "text"  # free text, which may hold anything
    SPECIAL = "special"  # minors, health, secrets: dropped
    PUBLIC = "public"  # product, category, company
    CONSENT = "consent"  # which purposes the consumer agreed to


class Role(StrEnum):
    """Which part a column plays in an event."""

    SUBJECT = "subject"
    TIME = "time"
    ITEM = "item"
    DESCRIPTION = "description"
    ORDER = "order"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    CONSENT = "consent"


class Method(StrEnum):
    """The protection primitives, and the three ways of using none."""

    KEEP = "keep"
    MASK = "mask"
    JITTER = "jitter"
    SHIFT = "shift"
    BUCKET = "bucket"
    PSEUDONYM = "pseudonym"
    TOKEN = "token"  # noqa: S105 - the name of a method, not a secret
    FPE = "fpe"
    GENERALISE = "generalise"
    SEAL = "seal"
    REDACT = "redact"
    DROP = "drop"
    REFUSE = "refuse"


#: The options each method takes, with the type of each; `width` is a number, or a span such as `1h`, `1d`, `7d`.
METHOD_OPTIONS: dict[Method, dict[str, type | tuple[type, ...]]] = {
    Method.KEEP: {},
    Method.MASK: {},
    Method.JITTER: {"spread": (int, float, str)},
    Method.SHIFT: {"days": (int,)},
    Method.BUCKET: {"width": (int, float, str), "top": (int, float)},
    Method.PSEUDONYM: {},
    Method.TOKEN: {"few_values": (bool,)},
    Method.FPE: {"alphabet": (str,), "few_values": (bool,)},
    Method.GENERALISE: {"level": (str,)},
    Method.SEAL: {"suite": (str,), "pad": (int,)},
    Method.REDACT: {"as": (str,)},
    Method.DROP: {},
    Method.REFUSE: {},
}

#: At rest a column is kept, made a token or pseudonym, encrypted in its format, sealed, dropped, or not accepted.
AT_REST = frozenset({Method.KEEP, Method.TOKEN, Method.FPE, Method.PSEUDONYM, Method.SEAL, Method.DROP, Method.REFUSE})

#: Methods that the key undoes and that give equal values equal results: refused on columns with few distinct values.
COUNTABLE = frozenset({Method.TOKEN, Method.FPE})

#: What an export may do to a column; `seal` and `refuse` are for the vault only.
ON_RELEASE = frozenset(Method) - {Method.SEAL, Method.REFUSE}


class View(StrEnum):
    """How a field is shown, from most to least."""

    CLEAR = "clear"
    MASKED = "masked"
    GENERALISED = "generalised"
    PSEUDONYM = "pseudonym"
    NONE = "none"


@dataclass(frozen=True)
class Step:
    """One method with its options, as written in the schema."""

    method: Method
    options: tuple[tuple[str, object], ...] = ()

    def option(self, name: str, default: object = None) -> object:
        """Return one option, or the default where it is not set."""
        return dict(self.options).get(name, default)

    def with_option(self, name: str, value: object) -> "Step":
        """Return the same method with one option set."""
        return Step(self.method, tuple(sorted({**dict(self.options), name: value}.items())))


@dataclass(frozen=True)
class Default:
    """What a kind gets unless the schema says otherwise.

    `protect` is how the value rests in the vault, `release` what an export makes of it, `index` whether it
    can be searched for, `purposes` what it may be exported for.
    """

    protect: Step
    release: Step
    sensitivity: Sensitivity
    index: bool = False
    purposes: tuple[str, ...] = ()


def _step(method: Method, **options: object) -> Step:
    return Step(method, tuple(sorted(options.items())))


_SEAL, _KEEP, _DROP = _step(Method.SEAL), _step(Method.KEEP), _step(Method.DROP)
_PSEUDONYM, _TOKEN, _REFUSE = _step(Method.PSEUDONYM), _step(Method.TOKEN), _step(Method.REFUSE)
_LEARN = ("recommendation", "forecast", "fraud_review")

DEFAULTS: dict[Kind, Default] = {
    Kind.USER_ID: Default(_SEAL, _PSEUDONYM, Sensitivity.DIRECT, True, _LEARN),
    Kind.PERSON_NAME: Default(_SEAL, _PSEUDONYM, Sensitivity.DIRECT),
    Kind.NICKNAME: Default(_SEAL, _DROP, Sensitivity.DIRECT),
    Kind.PHONE: Default(_SEAL, _DROP, Sensitivity.DIRECT, True),
    Kind.LANDLINE: Default(_SEAL, _DROP, Sensitivity.DIRECT, True),
    Kind.EMAIL: Default(_SEAL, _DROP, Sensitivity.DIRECT, True),
    Kind.ID_NUMBER: Default(_SEAL, _DROP, Sensitivity.OFFICIAL),
    Kind.PASSPORT: Default(_SEAL, _DROP, Sensitivity.OFFICIAL),
    Kind.BIRTH_DATE: Default(_SEAL, _step(Method.BUCKET, width="10y"), Sensitivity.QUASI),
    Kind.GENDER: Default(_SEAL, _KEEP, Sensitivity.QUASI),
    Kind.ADDRESS: Default(_SEAL, _step(Method.GENERALISE, level="city"), Sensitivity.DIRECT),
    Kind.POSTCODE: Default(_SEAL, _step(Method.MASK), Sensitivity.QUASI),
    Kind.COORDINATES: Default(_SEAL, _DROP, Sensitivity.DIRECT),
    Kind.PAYMENT_CARD: Default(_SEAL, _DROP, Sensitivity.PAYMENT, True),
    Kind.BANK_ACCOUNT: Default(_SEAL, _DROP, Sensitivity.PAYMENT, True),
    Kind.PAYMENT_ACCOUNT: Default(_SEAL, _DROP, Sensitivity.PAYMENT, True),
    Kind.CARD_CODE: Default(_REFUSE, _DROP, Sensitivity.PAYMENT),
    Kind.ORDER_ID: Default(_TOKEN, _PSEUDONYM, Sensitivity.BEHAVIOUR, False, _LEARN),
    Kind.TRACKING_ID: Default(_TOKEN, _PSEUDONYM, Sensitivity.BEHAVIOUR),
    Kind.EVENT_TIME: Default(_KEEP, _step(Method.BUCKET, width="1h"), Sensitivity.BEHAVIOUR, False, _LEARN),
    Kind.AMOUNT: Default(_KEEP, _step(Method.JITTER, spread=0.05), Sensitivity.BEHAVIOUR, False, _LEARN),
    Kind.QUANTITY: Default(_KEEP, _KEEP, Sensitivity.BEHAVIOUR, False, _LEARN),
    Kind.PRODUCT: Default(_KEEP, _KEEP, Sensitivity.PUBLIC, False, _LEARN),
    Kind.CATEGORY: Default(_KEEP, _KEEP, Sensitivity.PUBLIC, False, _LEARN),
    Kind.COMPANY: Default(_KEEP, _KEEP, Sensitivity.PUBLIC, False, _LEARN),
    Kind.TAX_ID: Default(_SEAL, _DROP, Sensitivity.OFFICIAL),
    Kind.IP_ADDRESS: Default(_SEAL, _step(Method.GENERALISE, level="prefix"), Sensitivity.DIRECT),
    Kind.DEVICE_ID: Default(_PSEUDONYM, _PSEUDONYM, Sensitivity.BEHAVIOUR, False, ("fraud_review",)),
    Kind.MESSENGER_ID: Default(_SEAL, _DROP, Sensitivity.DIRECT, True),
    Kind.PLATE: Default(_SEAL, _DROP, Sensitivity.DIRECT),
    Kind.URL: Default(_SEAL, _DROP, Sensitivity.DIRECT),
    Kind.FREE_TEXT: Default(_SEAL, _step(Method.REDACT, **{"as": "surrogates"}), Sensitivity.TEXT),
    Kind.REGION: Default(_KEEP, _KEEP, Sensitivity.QUASI, False, _LEARN),
    Kind.CONSENT: Default(_KEEP, _DROP, Sensitivity.CONSENT),
    Kind.MINOR_FLAG: Default(_DROP, _DROP, Sensitivity.SPECIAL),
    Kind.HEALTH_HINT: Default(_DROP, _DROP, Sensitivity.SPECIAL),
    Kind.SECRET: Default(_REFUSE, _DROP, Sensitivity.SPECIAL),
    Kind.OTHER: Default(_SEAL, _DROP, Sensitivity.DIRECT),
}
