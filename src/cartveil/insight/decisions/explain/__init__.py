"""Why a score is what it is: values that add up, a test that they matter, and moments that say otherwise."""

__all__: list[str] = []
