"""Ways to ask the shipped policy, for the tests of the policy."""

from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.guard.policy import PURPOSES, ROLES, Action, Decision, Policy, Principal, Request

POLICY = Policy.load()
CUSTOMER = tuple((kind.value, kind) for kind in Kind)


def decide(role: str, action: str, purpose: str, *, fields: str = "", **context: object) -> Decision:
    asked = tuple((name, Kind(name)) for name in fields.split())
    return POLICY.decide(Request(Principal("anna", role), action, "customers", asked, purpose, context))


questions = st.builds(
    lambda role, action, purpose, fields, context: Request(
        Principal("anna", role), action, "customers", tuple(fields), purpose, context
    ),
    st.sampled_from(ROLES),
    st.sampled_from(list(Action)),
    st.sampled_from(PURPOSES),
    st.lists(st.sampled_from(CUSTOMER), min_size=1, max_size=3, unique=True),
    st.fixed_dictionaries(
        {
            "case_open": st.booleans(),
            "consent": st.booleans(),
            "own_record": st.booleans(),
            "hour": st.integers(0, 23),
        }
    ),
)
