"""Policy: may this be done, and what of it may be seen; Cedar rules with a schema, pure, default deny."""

from cartveil.guard.policy.policy import Policy
from cartveil.guard.policy.request import PURPOSES, ROLES, Action, Decision, Principal, Request

__all__ = ["PURPOSES", "ROLES", "Action", "Decision", "Policy", "Principal", "Request"]
