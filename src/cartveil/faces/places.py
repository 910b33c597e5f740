"""Where a model may be written: asked before the training that would be for nothing, and before it is paid for."""

from pathlib import Path

from cartveil.errors import InputError
from cartveil.insight.models.card import CARD, check_place


def check_out(job: str, out: Path, *, private: bool) -> None:
    """Refuse a folder in which `cartveil train` must not write.

    Args:
        job: What `train` was asked for.
        out: Where the model is to be written.
        private: Whether it will state its privacy.

    Raises:
        InputError: It holds something that is no model.
        ModelError: It holds a model that must not be replaced by this one; see `check_place`.
    """
    from cartveil.insight.decisions.forecast import forecaster  # these load torch
    from cartveil.insight.decisions.purchase import model as purchase
    from cartveil.insight.decisions.recommend import recommender
    from cartveil.insight.decisions.recommend.sequential import recommender as sequential

    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / CARD).exists())):
        raise InputError("exists already and is not a model", path=str(out), hint="choose another folder with --out")
    kinds = {
        "recommend": recommender.KIND,
        "next-item": sequential.KIND,
        "forecast": forecaster.KIND,
        "purchase": purchase.KIND,
    }
    check_place(out, sequential.KIND if private else kinds[job], private=private)
