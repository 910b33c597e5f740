"""One loop that every model is trained by; import it from `training.loop`, which loads torch."""

__all__: list[str] = []
