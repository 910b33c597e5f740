"""A thousand random attacks, ten thousand nightly: none stays unnoticed by whoever keeps a checkpoint elsewhere."""

import random

import pytest
from bench.tampering import ATTACKS, FORGERIES, Target, attack_all, is_noticed, make_target

from nightly import NIGHTLY

COUNT = 10_000 if NIGHTLY else 1_000


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, int]]:
    return attack_all(COUNT, seed=20261122)


def test_no_attack_is_unnoticed_given_an_outside_checkpoint(found: dict[str, dict[str, int]]) -> None:
    assert set(found) == {*ATTACKS, *FORGERIES}
    assert sum(kind["attacks"] for kind in found.values()) == COUNT
    assert {name: kind["undetected"] for name, kind in found.items()} == dict.fromkeys(found, 0)


# The attacks are real: without a checkpoint elsewhere, who makes a matching tree, or holds the key, is not found out.
@pytest.mark.parametrize("kind", ["flip entry", "drop", "swap", "duplicate", "insert", "truncate", "fork", "rollback"])
def test_without_an_outside_checkpoint_the_same_attacks_succeed(found: dict[str, dict[str, int]], kind: str) -> None:
    assert found[kind]["without_checkpoint"] > 0


@pytest.mark.parametrize("kind", ATTACKS)
def test_an_attack_leaves_the_target_as_it_was(kind: str) -> None:
    target: Target = make_target()
    is_noticed(target, ATTACKS[kind], random.Random(7), "key")
    assert target.log.entries(0, target.log.size) == target.entries
    target.log.verify(target.outside, public_key=target.public_key)
