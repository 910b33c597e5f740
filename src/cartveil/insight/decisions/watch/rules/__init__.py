"""Rules over the audit log: what nobody has to learn, each with its parameters and its evidence."""

from cartveil.insight.decisions.watch.rules.config import RULES, RuleConfig
from cartveil.insight.decisions.watch.rules.findings import RuleFindings
from cartveil.insight.decisions.watch.rules.rules import apply_rules, rule_scores

__all__ = ["RULES", "RuleConfig", "RuleFindings", "apply_rules", "rule_scores"]
