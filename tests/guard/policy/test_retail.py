"""The shipped rules against an oracle: the same rules once more, in plain Python, written without a look at Cedar."""

from hypothesis import given, settings

from asking import POLICY, questions
from cartveil.events.kinds import Kind, Sensitivity, View
from cartveil.guard.policy import Request

DIRECT, PAYMENT, TEXT = Sensitivity.DIRECT, Sensitivity.PAYMENT, Sensitivity.TEXT
ORDERS = (Sensitivity.BEHAVIOUR, Sensitivity.PUBLIC)
DELIVERY = [
    "person_name",
    "phone",
    "landline",
    "address",
    "postcode",
    "region",
    "order_id",
    "tracking_id",
    "quantity",
    "event_time",
]
ANALYSTS = {"marketing": "marketing", "analyst": "analytics"}


def view_of(role: str, purpose: str, kind: Kind, *, case: bool, own: bool) -> View:
    """Return the strongest view of a field, as a privacy officer would explain it."""
    group = kind.sensitivity
    if group is Sensitivity.SPECIAL:
        return View.NONE
    if role == "consumer":
        return View.CLEAR if own and purpose == "self_service" else View.NONE
    if role == "support" and purpose == "support":
        return support_view(kind, case=case)
    if role == "fraud_review" and purpose == "fraud_review":
        return fraud_view(kind, case=case)
    if role == "fulfilment" and purpose == "fulfilment":
        if kind in DELIVERY or group is Sensitivity.PUBLIC:
            return View.CLEAR
        return View.MASKED if group is TEXT else View.NONE
    if ANALYSTS.get(role) == purpose:
        if group in ORDERS:
            return View.CLEAR
        return coarse(kind, also=(Kind.ADDRESS,), pseudonym=True)
    return View.NONE


def support_view(kind: Kind, *, case: bool) -> View:
    if kind.sensitivity in ORDERS or (case and kind is Kind.PERSON_NAME):
        return View.CLEAR
    if case and kind.sensitivity in (DIRECT, PAYMENT, TEXT):
        return View.MASKED
    if kind in (Kind.PERSON_NAME, Kind.NICKNAME):
        return View.MASKED
    return coarse(kind, also=(Kind.ADDRESS,), pseudonym=False)


def fraud_view(kind: Kind, *, case: bool) -> View:
    if kind.sensitivity in ORDERS:
        return View.CLEAR
    if case and kind.sensitivity in (DIRECT, PAYMENT, TEXT, Sensitivity.OFFICIAL):
        return View.MASKED
    # What may be seen coarsely may be seen as pseudonym too, so the user id is coarse here.
    return coarse(kind, also=(Kind.ADDRESS, Kind.IP_ADDRESS, Kind.USER_ID), pseudonym=False)


def coarse(kind: Kind, *, also: tuple[Kind, ...], pseudonym: bool) -> View:
    if kind.sensitivity is Sensitivity.QUASI or kind in also:
        return View.GENERALISED
    return View.PSEUDONYM if pseudonym and kind is Kind.USER_ID else View.NONE


def may_reveal(role: str, purpose: str, kind: Kind, *, case: bool, own: bool, hour: int) -> bool:
    if kind.sensitivity is Sensitivity.SPECIAL or (not own and not 7 <= hour < 21):
        return False
    if role == "consumer":
        return own and purpose == "self_service"
    groups = {DIRECT, TEXT, Sensitivity.BEHAVIOUR} | ({PAYMENT} if role == "fraud_review" else set())
    return role == purpose and role in ("support", "fraud_review") and case and kind.sensitivity in groups


def may_export(role: str, purpose: str, *, consent: bool) -> bool:
    return (
        (role == "data_science" and purpose == "forecast")
        or (role == purpose == "fraud_review")
        or (role == "privacy_officer" and purpose == "compliance")
        or (consent and (role, purpose) in {*ANALYSTS.items(), ("data_science", "recommendation")})
    )


def may_act(request: Request) -> bool:
    role, purpose, context = request.principal.role, request.purpose, request.context
    match request.action:
        case "put":
            return role == "admin"
        case "export":
            return may_export(role, purpose, consent=bool(context["consent"]))
        case "erase":
            own = role == "consumer" and purpose == "self_service" and bool(context["own_record"])
            return own or (role == "privacy_officer" and purpose == "compliance")
        case "audit":
            return (role, purpose) in {
                ("data_science", "security"),
                ("privacy_officer", "security"),
                ("privacy_officer", "compliance"),
            }
    raise AssertionError(request.action)


@settings(max_examples=600, deadline=None)
@given(questions)
def test_the_rules_say_what_the_oracle_says(request: Request) -> None:
    decision, context = POLICY.decide(request), request.context
    who = (request.principal.role, request.purpose)
    case, own = bool(context["case_open"]), bool(context["own_record"])
    if request.action == "read":
        expected = {name: view_of(*who, kind, case=case, own=own) for name, kind in request.fields}
        assert dict(decision.views) == expected
        assert decision.allowed is (set(expected.values()) != {View.NONE})
    elif request.action == "reveal":
        hour = int(context["hour"])  # type: ignore[call-overload]
        assert decision.allowed is all(
            may_reveal(*who, kind, case=case, own=own, hour=hour) for _, kind in request.fields
        )
    else:
        assert decision.allowed is may_act(request)
