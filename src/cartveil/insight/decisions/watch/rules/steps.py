"""Rules about the order of steps: another's case, an export without approval, a read after consent was withdrawn."""

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.rules.config import RuleConfig
from cartveil.insight.decisions.watch.rules.found import Found, found, rarity_today
from cartveil.insight.decisions.watch.rules.trail import Mask, Trail, Whole, counted_before
from cartveil.insight.sequences.relations import keys_of, starts_of, times_before

_DAY = 86400


def case_of_another(trail: Trail, config: RuleConfig) -> Found:
    """Find reads of a consumer under a case that had been used for another one."""
    owner = keys_of(trail.case, trail.subject)
    # A case without a subject, such as a list, belongs to nobody yet.
    of_case = np.where(owner < 0, -1, trail.case)
    fresh = (owner >= 0) & (times_before(owner) == 0)
    hit = fresh & (times_before(of_case) > 0)
    # Some kinds of case, such as campaigns, concern many consumers: how usual that is is learnt per kind.
    kind = np.where(fresh, trail.kind, -1)
    usual = (counted_before(kind, hit) + 0.5) / (counted_before(kind, fresh) + 1.0)
    hit &= trail.person & (usual < config.case_share)
    return found(trail, hit, rarity_today(trail, hit), "a case that had been opened for another consumer")


def export_without_approval(trail: Trail, config: RuleConfig) -> Found:
    """Find exports that nobody approved, where exports of the kind usually are."""
    approved = _since(trail, trail.approvals & trail.allowed, trail.case) <= config.approval_days * _DAY
    matter = keys_of(trail.role, trail.matter)
    exports = trail.exports & trail.allowed & trail.person
    key = np.where(exports, matter, -1)
    before = counted_before(key, exports)
    share = (counted_before(key, approved & exports) + 0.5) / (before + 1.0)
    usual = _usual_approval(trail, exports, approved)
    due = np.where(before >= 5, share, usual)
    hit = exports & ~approved & (due >= config.approval_share)
    sentence = "an export without approval; {:.0f}% of such exports had one before"
    return found(trail, hit, due * rarity_today(trail, hit), sentence, 100 * due)


def read_after_withdrawal(trail: Trail, config: RuleConfig) -> Found:
    """Find reads of a consumer for a purpose that a check had just refused, with no consent since."""
    pair = keys_of(trail.subject, trail.purpose)
    refused = _since(trail, trail.checks & ~trail.allowed, pair)
    granted = _since(trail, trail.checks & trail.allowed, pair)
    held = (refused <= config.withdrawal_days * _DAY) & ~(granted <= refused)
    hit = held & trail.reads & trail.allowed & (pair >= 0)
    sentence = "read {:.0f} minutes after consent was found withdrawn"
    return found(trail, hit, rarity_today(trail, hit), sentence, refused / 60)


def _usual_approval(trail: Trail, exports: Mask, approved: Mask) -> NDArray[np.float64]:
    """Return which share of earlier exports of the same table, purpose and kind of case was approved, in any role."""
    key = np.where(exports, trail.matter, -1)
    return np.asarray((counted_before(key, approved & exports) + 0.5) / (counted_before(key, exports) + 1.0))


def _since(trail: Trail, marked: Mask, keys: Whole) -> NDArray[np.float64]:
    """Return seconds since the last earlier marked row with the same key; infinity where there is none."""
    order = np.argsort(keys, kind="stable")
    place = np.where(marked[order], np.arange(len(keys)), -1)
    latest = np.concatenate([[-1], np.maximum.accumulate(place)[:-1]]) if len(keys) else place
    known = (latest >= starts_of(keys[order])) & (keys[order] >= 0)
    seconds = trail.seconds[order]
    answer = np.full(len(keys), np.inf)
    answer[order] = np.where(known, seconds - seconds[np.maximum(latest, 0)], np.inf)
    return answer
