"""Ways to ask the shipped policy, for the tests of the policy."""

import random
from collections.abc import Iterator

from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.guard.policy import PURPOSES, ROLES, Action, Decision, Policy, Principal, Request

POLICY = Policy.load()
CUSTOMER = tuple((kind.value, kind) for kind in Kind)
REGIONS = ("Guangdong", "Zhejiang")
TEAMS = ("payments", "phone")


def decide(role: str, action: str, purpose: str, *, fields: str = "", **context: object) -> Decision:
    asked = tuple((name, Kind(name)) for name in fields.split())
    return POLICY.decide(Request(Principal("anna", role), action, "customers", asked, purpose, context))


attributes = st.fixed_dictionaries({}, optional={"team": st.sampled_from(TEAMS), "region": st.sampled_from(REGIONS)})
circumstances = st.fixed_dictionaries(
    {
        "case_open": st.booleans(),
        "consent": st.booleans(),
        "own_record": st.booleans(),
        "hour": st.integers(0, 23),
        "break_glass": st.sampled_from([False, False, False, True]),
        "reason": st.just("a reason"),
        "region": st.sampled_from(["", *REGIONS]),
    }
)
questions = st.builds(
    lambda role, mine, action, purpose, fields, context: Request(
        Principal("anna", role, mine), action, "customers", tuple(fields), purpose, context
    ),
    st.sampled_from(ROLES),
    attributes,
    st.sampled_from(list(Action)),
    st.sampled_from(PURPOSES),
    st.lists(st.sampled_from(CUSTOMER), min_size=1, max_size=3, unique=True),
    circumstances,
)


def random_requests(count: int, *, seed: int) -> Iterator[Request]:
    """Yield requests of every kind; half of them state the purpose that fits their role."""
    rng = random.Random(seed)
    fitting = {"analyst": "analytics", "data_science": "recommendation", "privacy_officer": "compliance"}
    fitting |= {"consumer": "self_service", "admin": "security"}
    for _ in range(count):
        role = rng.choice(ROLES)
        mine = {name: rng.choice(words) for name, words in (("team", TEAMS), ("region", REGIONS)) if rng.random() < 0.5}
        context = {name: rng.random() < 0.5 for name in ("case_open", "consent", "own_record")}
        broken = rng.random() < 0.15
        yield Request(
            Principal(f"{role}-{rng.randrange(50)}", role, mine),
            rng.choice(("read", "reveal", "export", rng.choice(list(Action)))),
            rng.choice(("customers", "orders")),
            tuple(rng.sample(CUSTOMER, rng.randint(1, 8))),
            fitting.get(role, role) if rng.random() < 0.5 else rng.choice(PURPOSES),
            {
                **context,
                "hour": rng.randrange(24),
                "break_glass": broken,
                "reason": "a reason" if broken else "",
                "region": rng.choice(("", *REGIONS)),
            },
        )
