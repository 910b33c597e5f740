"""Milliseconds per decision at 1,000 rules: `python -m bench.policy --json bench/results/policy.json`.

The shipped rules and generated ones beside them, as a chain of shops would write them: for a role and a purpose, on
kinds or groups of some tables, under cases, hours, teams and regions; one in ten forbids. A decision is one request
with its whole set of fields. `cold` has every answer forgotten before each decision; `known` has its answers
remembered, as those of a colleague's request; `repeated` asks the very same again; each of these is the best of five,
since others share the machine. `stream` are the decisions after loading as they come, once each; `explained` searches
the smallest change for refusals. The peer is `cedarpy` itself with parsed handles, asked the same in one batch: every
field in every view, over all rules.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import cedarpy

from bench.report import write_report
from cartveil.events.kinds import Kind, Sensitivity
from cartveil.guard.policy import Action, Policy, Principal, Request
from cartveil.guard.policy.answers import VIEWS
from cartveil.guard.policy.entities import kind_entities

RULES = 1_000
LIMIT_MS = 1.0
STREAM, COLD, PEER, EXPLAINED, BEST_OF = 3_000, 1_000, 15, 100, 5
PURPOSES = {
    "support": "support",
    "fulfilment": "fulfilment",
    "marketing": "marketing",
    "analyst": "analytics",
    "fraud_review": "fraud_review",
    "data_science": "recommendation",
    "privacy_officer": "compliance",
    "consumer": "self_service",
}
TABLES = ("customers", "orders", "returns", "claims", "deliveries", "reviews", "coupons", "visits")
REGIONS = ("north", "east", "south", "west")
TEAMS = ("payments", "phone", "shops", "night")
ACTIONS = (*VIEWS.values(), "reveal")


def main() -> None:
    """Measure, print a table, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--rules", type=int, default=RULES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    figures = measure(arguments.rules, seed=arguments.seed)
    for name, row in figures["milliseconds"].items():
        print(f"{name:10} p50 {row['p50']:9.4f} ms   p99 {row['p99']:9.4f} ms   ({row['decisions']:,} decisions)")
    print(f"loading {figures['load_ms']:.0f} ms; limit of p99 {LIMIT_MS} ms")
    write_report(arguments.json, figures, seeds=[arguments.seed], threads=1)


def measure(count: int, *, seed: int) -> dict[str, Any]:
    """Return milliseconds per decision, ours and the peer's."""
    rules, schema = policy_of(count, seed=seed), _shipped("retail.cedarschema")
    started = time.perf_counter()
    policy = Policy.parse(rules, schema)
    load_ms = (time.perf_counter() - started) * 1e3
    stream, later = (list(requests(STREAM, seed=number)) for number in (seed + 1, seed + 2))
    rows = {"stream": timed(policy.decide, stream)}
    questions = [request.question() for request in later[:COLD]]
    rows["cold"] = timed(policy.answer, questions, before=policy.answers.forget, best_of=BEST_OF)
    timed(policy.answer, questions)
    rows["known"] = timed(policy.answer, questions, best_of=BEST_OF)
    timed(policy.decide, later[:COLD])
    rows["repeated"] = timed(policy.decide, later[:COLD], best_of=BEST_OF)
    refused = [request for request in later if not policy.decide(request).allowed][:EXPLAINED]
    rows["explained"] = timed(lambda request: policy.decide(request).hint, refused)
    rows["cedarpy"] = timed(raw(rules, schema), later[:PEER])
    permitted = sum(policy.decide(request).allowed for request in later) / len(later)
    return {
        "rules": len(policy.rules),
        "load_ms": round(load_ms, 1),
        "milliseconds": rows,
        "limit_ms": LIMIT_MS,
        "permitted": round(permitted, 3),
        "fields_per_request": round(sum(len(request.fields) for request in later) / len(later), 2),
    }


def policy_of(count: int, *, seed: int) -> str:
    """Return the shipped rules and as many generated ones as make up a number of rules."""
    shipped, rng = _shipped("retail.cedar"), random.Random(seed)
    missing = count - len(Policy.load().rules)
    return "\n".join([shipped, *(_rule(number, rng) for number in range(missing))])


def _rule(number: int, rng: random.Random) -> str:
    role = rng.choice(tuple(PURPOSES))
    groups = [group for group in Sensitivity if group not in ("special", "consent")]
    place = f'Kind::"{rng.choice(list(Kind))}"' if rng.random() < 0.7 else f'Group::"{rng.choice(groups)}"'
    conditions = [f'context.purpose == "{PURPOSES[role]}"', f'resource in Table::"{rng.choice(TABLES)}"']
    some = ["context.case_open", f"context.hour >= {rng.randint(6, 10)}", f"context.hour < {rng.randint(17, 22)}"]
    some += [f'principal has team && principal.team == "{rng.choice(TEAMS)}"']
    some += ["principal has region && resource has region && principal.region == resource.region"]
    conditions += rng.sample(some, rng.randint(0, 2))
    effect, who = ("forbid", "principal") if rng.random() < 0.1 else ("permit", f'principal in Role::"{role}"')
    if effect == "forbid":
        conditions.append(f'principal in Role::"{role}"')
    action = f'action == Action::"{rng.choice(ACTIONS)}"'
    return f'@id("shop-{number}") {effect} ({who}, {action}, resource in {place}) when {{ {" && ".join(conditions)} }};'


def requests(count: int, *, seed: int) -> Iterable[Request]:
    """Yield a day's requests: most for the purpose of the role, some for another, one in ten about a whole table."""
    rng = random.Random(seed)
    kinds = [(f"{kind}_column", kind) for kind in Kind]
    for _ in range(count):
        role = rng.choice(tuple(PURPOSES))
        mine = {name: rng.choice(words) for name, words in (("team", TEAMS), ("region", REGIONS)) if rng.random() < 0.6}
        purpose = PURPOSES[role] if rng.random() < 0.85 else rng.choice(tuple(PURPOSES.values()))
        action = rng.choices(("read", "reveal", rng.choice(list(Action))), (75, 15, 10))[0]
        circumstances = {name: rng.random() < 0.5 for name in ("case_open", "consent", "own_record")}
        yield Request(
            Principal(f"{role}-{rng.randrange(500)}", role, mine),
            action,
            rng.choice(TABLES),
            tuple(rng.sample(kinds, rng.randint(3, 12))),
            purpose,
            {**circumstances, "hour": rng.randrange(24), "region": rng.choice(("", *REGIONS))},
        )


def timed(
    act: Callable[[Any], object],
    items: Sequence[Any],
    *,
    before: Callable[[], object] | None = None,
    best_of: int = 1,
) -> dict[str, Any]:
    """Return p50 and p99 of milliseconds, the best of some tries for each item."""
    found = [min(_milliseconds(act, item, before) for _ in range(best_of)) for item in items]
    return {
        "p50": round(_quantile(found, 0.5), 4),
        "p99": round(_quantile(found, 0.99), 4),
        "decisions": len(found),
        "best_of": best_of,
    }


def _milliseconds(act: Callable[[Any], object], item: object, before: Callable[[], object] | None) -> float:
    if before is not None:
        before()
    started = time.perf_counter()
    act(item)
    return (time.perf_counter() - started) * 1e3


def raw(rules: str, schema: str) -> Callable[[Request], object]:
    """Return the same question put to Cedar as it comes: parsed handles, one batch, all rules."""
    words = cedarpy.Schema.from_str(schema)
    policies = cedarpy.PolicySet.from_str(rules)
    base = cedarpy.Entities.from_json_str(json.dumps(kind_entities()), words)
    return lambda request: _ask_raw(request, policies, base, words)


def _ask_raw(request: Request, policies: Any, base: Any, words: Any) -> object:
    question = request.question()
    region = question.circumstances.region
    table = {"type": "Table", "id": question.table}
    fields = [
        {
            "uid": {"type": "Field", "id": f"{question.table}.{name}"},
            "attrs": {"region": region} if region else {},
            "parents": [{"type": "Kind", "id": str(kind)}, table],
        }
        for name, kind in question.fields
    ]
    user = {"type": "User", "id": question.name}
    role = {"type": "Role", "id": question.role}
    described = [{"uid": user, "attrs": dict(question.attributes), "parents": [role]}, *fields]
    entities = base.with_added_json_str(json.dumps([*described, {"uid": table, "attrs": {}, "parents": []}]), words)
    about_fields = question.action in (Action.READ, Action.REVEAL)
    actions = VIEWS.values() if question.action is Action.READ else [str(question.action)]
    resources = [field["uid"] for field in fields] if about_fields else [table]
    context = json.dumps({"purpose": question.purpose, **question.circumstances.context()})
    asked = [
        {"principal": user, "action": {"type": "Action", "id": action}, "resource": resource, "context": context}
        for action in actions
        for resource in resources
    ]
    return cedarpy.is_authorized_batch(asked, policies, entities, words)


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _shipped(name: str) -> str:
    return (files("cartveil.guard.policy") / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
