"""The shipped policy once more, in plain Python: written from the tables of the guide, without a look at Cedar."""

from cartveil.events.kinds import Kind, Sensitivity, View
from cartveil.guard.policy import Request

DIRECT, PAYMENT, TEXT, OFFICIAL = Sensitivity.DIRECT, Sensitivity.PAYMENT, Sensitivity.TEXT, Sensitivity.OFFICIAL
ORDERS = (Sensitivity.BEHAVIOUR, Sensitivity.PUBLIC)
DELIVERY = ["person_name", "phone", "landline", "address", "postcode", "region"]
DELIVERY += ["order_id", "tracking_id", "quantity", "event_time"]
ANALYSTS = {"marketing": "marketing", "analyst": "analytics"}
GLASS_BREAKERS = {"support": "support", "fraud_review": "fraud_review", "privacy_officer": "compliance"}
REVEALED = {
    "support": (DIRECT, TEXT, Sensitivity.BEHAVIOUR),
    "fraud_review": (DIRECT, PAYMENT, TEXT, Sensitivity.BEHAVIOUR),
}

#: Actions on whole tables that hang on role and purpose alone.
PLAIN = {
    "put": {("admin", None)},
    "backup": {("admin", None)},
    "rotate": {("admin", "security"), ("privacy_officer", "security")},
    "audit": {("data_science", "security"), ("privacy_officer", "security"), ("privacy_officer", "compliance")},
    "grant_budget": {("privacy_officer", None)},
    "spend_budget": {("data_science", purpose) for purpose in ("recommendation", "forecast", "security")},
    "show_budget": {("privacy_officer", None), ("data_science", None)},
    "hold": {("privacy_officer", "compliance")},
    "sweep": {("privacy_officer", "compliance")},
    "erase": {("privacy_officer", "compliance")},
    "access": {("privacy_officer", "compliance")},
    "correct": {("privacy_officer", "compliance")},
    "restrict": {("privacy_officer", "compliance")},
    "request": {("privacy_officer", "compliance")},
    "export": {("data_science", "forecast"), ("fraud_review", "fraud_review"), ("privacy_officer", "compliance")},
}
OF_ONES_OWN = ("erase", "access", "correct", "restrict", "request")
WITH_CONSENT = {("data_science", "recommendation")}


def view_of(request: Request, kind: Kind) -> View:
    """Return the strongest view of a field, as a privacy officer would explain it."""
    group, role = kind.sensitivity, request.principal.role
    if group is Sensitivity.SPECIAL:
        return View.NONE
    if breaks_glass(request):
        return View.CLEAR
    if role == "consumer":
        return View.CLEAR if is_own(request) else View.NONE
    if ANALYSTS.get(role) == request.purpose:
        return View.CLEAR if group in ORDERS else coarse(kind, also=(Kind.ADDRESS,), pseudonym=True)
    if role != request.purpose:
        return View.NONE
    if role == "support":
        return View.NONE if is_of_another_region(request) else support_view(kind, case=says(request, "case_open"))
    if role == "fraud_review":
        return fraud_view(kind, case=says(request, "case_open"))
    if role == "fulfilment" and (kind in DELIVERY or group is Sensitivity.PUBLIC):
        return View.CLEAR
    return View.MASKED if role == "fulfilment" and group is TEXT else View.NONE


def may_reveal(request: Request, kind: Kind) -> bool:
    """Return whether one field may be revealed."""
    role, hour = request.principal.role, int(str(request.context.get("hour", 12)))
    if kind.sensitivity is Sensitivity.SPECIAL:
        return False
    if breaks_glass(request):
        return True
    if not says(request, "own_record") and not 7 <= hour < 21:
        return False
    if role == "consumer":
        return is_own(request)
    if role not in REVEALED or role != request.purpose or not says(request, "case_open"):
        return False
    if role == "support" and is_of_another_region(request):
        return False
    accounts = (Kind.BANK_ACCOUNT, Kind.PAYMENT_ACCOUNT)
    refunds = role == "support" and request.principal.attributes.get("team") == "payments" and kind in accounts
    return refunds or kind.sensitivity in REVEALED[role]


def may_act(request: Request) -> bool:
    """Return whether an action on a whole table is permitted."""
    role, purpose, action = request.principal.role, request.purpose, str(request.action)
    if (role, purpose) in PLAIN[action] or (role, None) in PLAIN[action]:
        return True
    if action in OF_ONES_OWN:
        return role == "consumer" and is_own(request)
    if action != "export" or not says(request, "consent"):
        return False
    by_day = 7 <= int(str(request.context.get("hour", 12))) < 21
    return (role, purpose) in WITH_CONSENT or (ANALYSTS.get(role) == purpose and by_day)


def breaks_glass(request: Request) -> bool:
    return says(request, "break_glass") and GLASS_BREAKERS.get(request.principal.role) == request.purpose


def is_own(request: Request) -> bool:
    return says(request, "own_record") and request.purpose == "self_service"


def is_of_another_region(request: Request) -> bool:
    mine, theirs = request.principal.attributes.get("region"), request.context.get("region")
    return mine is not None and bool(theirs) and mine != theirs


def says(request: Request, circumstance: str) -> bool:
    return bool(request.context.get(circumstance, False))


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
    if case and kind.sensitivity in (DIRECT, PAYMENT, TEXT, OFFICIAL):
        return View.MASKED
    # What may be seen coarsely may be seen as pseudonym too, so the user id is coarse here.
    return coarse(kind, also=(Kind.ADDRESS, Kind.IP_ADDRESS, Kind.USER_ID), pseudonym=False)


def coarse(kind: Kind, *, also: tuple[Kind, ...], pseudonym: bool) -> View:
    if kind.sensitivity is Sensitivity.QUASI or kind in also:
        return View.GENERALISED
    return View.PSEUDONYM if pseudonym and kind is Kind.USER_ID else View.NONE
