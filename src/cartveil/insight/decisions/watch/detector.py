"""The detector: what it makes of a stream, and which days stand out.

Beside the network, which expects the next event, stands a memory by counts of what each actor usually does. A score
rests on an event and those before it only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.alerts import Alert, Days, reasons_of, score_days
from cartveil.insight.decisions.watch.coding import Coding
from cartveil.insight.decisions.watch.network import Coded, DetectorConfig, network_and_counts
from cartveil.insight.decisions.watch.surprise import Calibration, unusual_for_actor
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.sequences.streams import StreamSpec, in_order, seconds_of
from cartveil.insight.sequences.vocabulary import Vocabulary
from cartveil.insight.training.loop import TrainingConfig

#: What the card of a saved detector says it is.
KIND = "detector"
_ARRAYS = "calibration."


@dataclass(frozen=True)
class Scored:
    """A stream with what the detector makes of it.

    Args:
        stream: The events, in order of time.
        contributions: Evidence above the threshold per event and field, (rows, fields).
        score: Their sum, (rows,).
        actors: Number of the actor of each event, (rows,).
        days: Scores per actor and day.
    """

    stream: pa.Table
    contributions: NDArray[np.float64]
    score: NDArray[np.float64]
    actors: NDArray[np.int64]
    days: Days


@dataclass(frozen=True)
class Detector:
    """A trained detector.

    Args:
        model: The network, in evaluation mode.
        spec: The stream that it was trained on.
        coding: How columns become ids.
        calibration: What surprise is like on clean events.
        config: What it was trained with.
        clean: Scores of the clean (actor, day)s, rising, and how many days they cover.
        usual: What a clean day is like, for an actor without a past.
        settled: Day, since 1970, from which scores mean something.
    """

    model: FieldsModel
    spec: StreamSpec
    coding: Coding
    calibration: Calibration
    config: DetectorConfig
    clean: tuple[NDArray[np.float64], int] = (np.empty(0), 1)
    usual: float = 0.0
    settled: int = 0

    def score(self, stream: pa.Table) -> pa.Table:
        """Return index, actor, time, score and one column of evidence per field, in order of time."""
        found = self.examine(stream)
        names = self.spec.described
        evidence = {f"by_{name}": found.contributions[:, place] for place, name in enumerate(names)}
        base = {name: found.stream[name] for name in (self.spec.index, self.spec.actor, self.spec.time)}
        return pa.table({**base, "score": found.score, **evidence})

    def alerts(self, stream: pa.Table, *, per_day: float = 1.0, since: datetime | None = None) -> tuple[Alert, ...]:
        """Return the (actor, day)s that stand out, strangest first.

        Args:
            stream: The events, those of the training period included: the past is what makes an event strange.
            per_day: Budget: how many alerts a day the clean part of the training period would have given.
            since: Alert on days from this time on; default: on all.
        """
        found = self.examine(stream)
        days = found.days
        wanted = days.score >= self.threshold(per_day)
        if since is not None:
            wanted &= days.day >= seconds_at(since) // 86400
        units = np.flatnonzero(wanted)
        return tuple(self._alert(found, int(unit)) for unit in units[np.argsort(-days.score[units], kind="stable")])

    def threshold(self, per_day: float) -> float:
        """Return the score that on clean days is reached so many times a day."""
        scores, covered = self.clean
        allowed = int(per_day * covered)
        if allowed >= len(scores):
            return 0.0 if len(scores) == 0 else 1e-9
        # Strictly above the first score that must not raise an alert.
        return float(np.nextafter(scores[len(scores) - 1 - allowed], np.inf))

    def examine(self, stream: pa.Table) -> Scored:
        """Return the stream in order with all that alerts are made of."""
        stream = in_order(stream, self.spec)
        fields = len(self.spec.described)
        if stream.num_rows == 0:
            nothing = np.empty(0, dtype=np.int64)
            empty = Days(nothing, nothing, nothing, np.empty(0), np.empty(0))
            return Scored(stream, np.empty((0, fields)), np.empty(0), nothing, empty)
        coded = Coded.of(stream, self.spec, self.coding)
        surprise = network_and_counts(self.model, coded, self.config)
        evidence = self.calibration.evidence(surprise, coded.roles)
        # What network, counts and size find is one finding: the mean of the two strongest.
        channels = np.sort(evidence.reshape(len(evidence), 3, fields), axis=1)
        seconds = seconds_of(stream[self.spec.time])
        found = unusual_for_actor(channels[:, 1:].mean(1).astype(np.float64), coded.actors, seconds)
        contributions = np.maximum(found - self.config.threshold, 0.0)
        score = contributions.sum(1)
        days = score_days(
            coded.actors, seconds_of(stream[self.spec.time]), score, usual=self.usual, settled=self.settled
        )
        return Scored(stream, contributions, score, coded.actors, days)

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the model; what it holds of the stream are its words and quantiles, never an actor or a subject.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines, digest of the release.
        """
        own = {
            "kind": KIND,
            "config": asdict(self.config),
            "network": asdict(self.model.config),
            "spec": asdict(self.spec),
            "coding": {
                "words": [words.words for words in self.coding.words],
                "edges": self.coding.edges,
                "roles": self.coding.roles.words,
            },
            "clean_days": self.clean[1],
            "usual": self.usual,
            "settled": self.settled,
        }
        arrays = {**asdict(self.calibration), "clean": self.clean[0]}
        tensors = {_ARRAYS + name: torch.from_numpy(np.asarray(values)) for name, values in arrays.items()}
        save_model(folder, {**self.model.state_dict(), **tensors}, {**(card or {}), **own})

    @classmethod
    def load(cls, folder: str | Path) -> "Detector":
        """Read what `Detector.save` wrote.

        Raises:
            ModelError: No detector, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        try:
            arrays = {
                name.removeprefix(_ARRAYS): state.pop(name).numpy() for name in list(state) if name.startswith(_ARRAYS)
            }
            training = dict(card["config"].pop("training"))
            training["rates"] = tuple(tuple(rate) for rate in training["rates"])
            config = DetectorConfig(**card["config"], training=TrainingConfig(**training))
            model = FieldsModel(_shape(card["network"]))
            model.load_state_dict(state)
            spec = StreamSpec(**{name: _tuples(value) for name, value in card["spec"].items()})
            coding = Coding(
                tuple(Vocabulary(tuple(words)) for words in card["coding"]["words"]),
                _tuples(card["coding"]["edges"]),
                Vocabulary(tuple(card["coding"]["roles"])),
            )
            calibration = Calibration(**{name: arrays[name] for name in ("levels", "values", "tail", "most")})
            return cls(
                model.eval(),
                spec,
                coding,
                calibration,
                config,
                (arrays["clean"], int(card["clean_days"])),
                float(card["usual"]),
                int(card["settled"]),
            )
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error

    def _alert(self, found: Scored, unit: int) -> Alert:
        rows = np.flatnonzero(found.days.unit == unit)
        rows = rows[np.argsort(-found.score[rows], kind="stable")]
        strange = rows[found.score[rows] > 0][:20]
        strange = strange if len(strange) else rows[:1]
        events = found.stream.take(pa.array(strange))
        before = np.arange(len(found.score)) < rows.min()
        past = found.stream.filter(pa.array(before & (found.actors == found.actors[rows[0]])))
        past = past if past.num_rows >= 10 else found.stream.filter(pa.array(before))
        subjects = events["subject"].drop_null().cast(pa.string()) if "subject" in events.column_names else ()
        return Alert(
            actor=str(events[self.spec.actor][0].as_py()),
            time=events[self.spec.time][0].as_py(),
            score=float(found.days.score[unit]),
            reasons=reasons_of(events, past, found.contributions[strange], spec=self.spec),
            events=tuple(int(index.as_py()) for index in events[self.spec.index]),
            subjects=tuple(dict.fromkeys(value.as_py() for value in subjects)),
        )


def _shape(network: Mapping[str, Any]) -> FieldsConfig:
    encoder = EncoderConfig(**{name: _tuples(value) for name, value in network["encoder"].items()})
    return FieldsConfig(encoder, _tuples(network["fields"]))


def _tuples(value: Any) -> Any:
    """Return what JSON made lists of as the tuples that they were."""
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def seconds_at(moment: datetime) -> int:
    """Return a moment in seconds since 1970."""
    # Streams of naive times are taken as UTC, and so is a naive `until`.
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
