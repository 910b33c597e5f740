"""The same pure step over many parts: in this process, in several, or over Ray Data."""

from cartveil.faces.cluster.over_ray import over_ray, start_ray
from cartveil.faces.cluster.protecting import Written, protect_parts
from cartveil.faces.cluster.step import PartContext, protect_part

__all__ = ["PartContext", "Written", "over_ray", "protect_part", "protect_parts", "start_ray"]
