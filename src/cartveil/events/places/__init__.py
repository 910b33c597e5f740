"""From an address to its region: China in both languages, the United Kingdom, the United States."""

from cartveil.events.places.finder import find_region, find_regions
from cartveil.events.places.region import Region, british_areas, divisions, us_cities, us_states

__all__ = ["Region", "british_areas", "divisions", "find_region", "find_regions", "us_cities", "us_states"]
