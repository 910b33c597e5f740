"""The whole main job, step by step, on a user's own tables or on the demo's."""

from cartveil.faces.run.rehearsal import Rehearsal
from cartveil.faces.run.steps import STEPS, rehearse, take_folder

__all__ = ["STEPS", "Rehearsal", "rehearse", "take_folder"]
