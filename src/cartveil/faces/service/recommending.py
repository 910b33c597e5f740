"""Lists over HTTP: a shop's own pages ask what to show, and nothing of what they tell is kept.

    POST /recommend  {"history": [{"item", "time", and if known "order", "quantity", "description"}, ...], "k",
                     "only_new", "diversity", "per_category"}, or {"anybody": true, "k", ...} for what everybody gets:
                     200 {"items": [{"item", "description", "score", "reason"}, ...]}, else 422

A history names nobody: it is one consumer's, and the model holds neither histories nor pseudonyms. A request for the
list that everybody gets must hold no history; where it does, it is refused and not quietly left unread.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cartveil.errors import InputError

if TYPE_CHECKING:
    from cartveil.insight.decisions.recommend import ListTerms, Recommendation, Recommender
    from cartveil.insight.decisions.recommend.listing import Shelf
    from cartveil.insight.decisions.recommend.sequential import SequenceRecommender

#: The longest list.
MOST = 1000

#: Numbers above it are no quantities.
_LARGEST = 1e12

_HINT = 'send JSON such as {"history": [{"item": "85123A", "time": "2011-11-02T10:00:00"}], "k": 5}'

_EVENT = {"item", "time", "order", "quantity", "description"}
_FIELDS = {"history", "anybody", "k", "only_new", "diversity", "per_category"}


@dataclass(frozen=True)
class Counter:
    """What lists are made with: a model and what the shop sells.

    Args:
        recommender: See `load_recommender`.
        shelf: What may be listed.
    """

    recommender: "Recommender | SequenceRecommender"
    shelf: "Shelf"


def open_counter(model: Path, catalogue: Path | None = None) -> Counter:
    """Load a model for serving; it computes with one thread, as requests come side by side.

    Raises:
        ModelError: There is none, or it is damaged.
        ReadError: The catalogue cannot be read.
        MissingExtraError: The extra `learn` is not installed.
    """
    from cartveil.faces.articles import read_articles
    from cartveil.faces.assemble import need_learning

    need_learning("recommend")
    import torch

    from cartveil.insight.decisions.recommend.listing import shelf_of
    from cartveil.insight.decisions.recommend.loading import load_recommender

    torch.set_num_threads(1)
    recommender = load_recommender(model)
    articles = None if catalogue is None else read_articles(catalogue)
    return Counter(recommender, shelf_of(recommender.vocabulary, recommender.descriptions, articles))


def answer(counter: Counter, body: bytes) -> dict[str, Any]:
    """Return the list that a request asks for.

    Raises:
        InputError: The request is not as it must be; no value of it is repeated.
        ModelError: The history is of no use to the model.
    """
    asked = _asked(body)
    k, terms = _whole(asked, "k", 10), _terms(asked)
    if not 1 <= k <= MOST:
        raise InputError(f"must be from 1 to {MOST}", path="k", hint=_HINT)
    if asked.get("anybody") is True:
        if asked.get("history") or asked.get("only_new"):
            hint = "leave out `history` and `only_new`, or leave out `anybody`"
            raise InputError("a list for everybody looks at nobody", path="anybody", hint=hint)
        return _told(counter.recommender.recommend_to_anybody(k, shelf=counter.shelf, terms=terms))
    only_new = asked.get("only_new") is True
    history = _history(asked.get("history"))
    found = counter.recommender.recommend(history, k, exclude_bought=only_new, shelf=counter.shelf, terms=terms)
    return _told(found)


def _told(found: "list[Recommendation]") -> dict[str, Any]:
    return {"items": [asdict(each) for each in found]}


def _asked(body: bytes) -> Mapping[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("not JSON", path="request", hint=_HINT) from None
    if not isinstance(asked, dict) or not set(asked) <= _FIELDS:
        raise InputError(f"fields other than {', '.join(sorted(_FIELDS))}", path="request", hint=_HINT)
    return asked


def _terms(asked: Mapping[str, Any]) -> "ListTerms":
    from cartveil.insight.decisions.recommend import ListTerms

    limit = None if asked.get("per_category") is None else _whole(asked, "per_category", 1)
    return ListTerms(_number(asked.get("diversity", 0.0), "diversity"), limit)


def _number(value: object, path: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise InputError("must be a number", path=path, hint=_HINT)
    return float(value)


def _whole(asked: Mapping[str, Any], name: str, default: int) -> int:
    value = asked.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError("must be a whole number", path=name, hint=_HINT)
    return value


def _history(events: object) -> pa.Table:
    """Return a history as a table of one nameless consumer."""
    if not isinstance(events, list) or not all(isinstance(each, dict) and set(each) <= _EVENT for each in events):
        raise InputError("must be a list of events", path="history", hint=_HINT)
    columns: dict[str, Any] = {"subject": [""] * len(events), "time": [_moment(each.get("time")) for each in events]}
    columns["item"] = [_text(each.get("item")) for each in events]
    if any("order" in each for each in events):
        columns["order"] = [_text(each.get("order")) for each in events]
    columns["description"] = [_text(each.get("description", "")) for each in events]
    columns["quantity"] = [_number(each.get("quantity", 0), "history.quantity") for each in events]
    kinds = {"time": pa.timestamp("us"), "quantity": pa.float64()}
    return pa.table({name: pa.array(column, kinds.get(name, pa.string())) for name, column in columns.items()})


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise InputError("must be a date and a time", path="history.time", hint=_HINT) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InputError("must be a text", path="history", hint=_HINT)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("must be text in UTF-8", path="history", hint=_HINT) from None
    return value
