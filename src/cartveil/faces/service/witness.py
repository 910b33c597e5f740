"""Keeping checkpoints for others: what a second host does so that no single operator can rewrite a log.

    POST /add-checkpoint      a checkpoint and the proof that it continues the last one kept here: 200;
                              400 no such thing; 403 not signed; 404 a log that nobody named; 409 the last one is
                              another (its size in the body, `text/x.tlog.size`), or the same size says something else;
                              422 the proof does not hold
    GET  /checkpoint?origin=  the last checkpoint kept of a log: 200, 404

One file of notes per log, in a folder. What a log signed and could not prove is evidence: it is kept beside, in
`refused`.

Source: C2SP `tlog-witness`; answers carry no cosignature.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cartveil.errors import IntegrityError
from cartveil.guard.audit import Checkpoint, parse_checkpoint, verify_checkpoint
from cartveil.guard.audit.notes import Submission, keep_note, last_note, parse_submission

#: Of an Ed25519 key.
PUBLIC_KEY_BYTES = 32

#: Evidence kept of one log; who holds the log's key could otherwise fill the disk.
MOST_EVIDENCE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Witness:
    """Where checkpoints are kept, and of whom.

    Args:
        folder: Holds one file of notes per log.
        logs: The public key, 32 raw bytes, by the log's origin, such as `cartveil/shop`.
    """

    folder: Path
    logs: Mapping[str, bytes]

    def path(self, origin: str) -> Path:
        """Return a log's file of notes."""
        # An origin may hold slashes; its hash names one file, whatever it says.
        return self.folder / f"{hashlib.sha256(origin.encode('utf-8')).hexdigest()[:32]}.notes"


@dataclass(frozen=True)
class Answer:
    """What a witness says: an HTTP status, a text, and the text's type."""

    status: int
    text: str = ""
    kind: str = "text/plain"


def add_checkpoint(witness: Witness, body: bytes) -> Answer:
    """Keep a checkpoint, or say why not; called by one at a time.

    Raises:
        StorageError: The disk refused; nothing was kept.
    """
    try:
        submission = parse_submission(body)
        claimed = parse_checkpoint(submission.note)
    except IntegrityError as error:
        return Answer(400, f"{error.message}\n")
    key = witness.logs.get(claimed.origin)
    if key is None:
        return Answer(404, "nobody named this log\n")
    try:
        promise = verify_checkpoint(submission.note, public_key=key)
    except IntegrityError as error:
        return Answer(403, f"{error.message}\n")
    return _keep(witness, submission, promise, key)


def last_checkpoint(witness: Witness, origin: str) -> Answer:
    """Return the last checkpoint kept of a log."""
    note = last_note(witness.path(origin)) if origin in witness.logs else None
    return Answer(404, "no checkpoint of this log\n") if note is None else Answer(200, note)


def _keep(witness: Witness, submission: Submission, promise: Checkpoint, key: bytes) -> Answer:
    path = witness.path(promise.origin)
    newest = last_note(path)
    size = 0 if newest is None else verify_checkpoint(newest, public_key=key).size
    if submission.old > promise.size:
        return Answer(400, "the old size is above the new one\n")
    if submission.old != size:
        return Answer(409, f"{size}\n", "text/x.tlog.size")
    try:
        keep_note(path, submission.note, public_key=key, prove=lambda old, new: submission.proof)
    except IntegrityError as error:
        _keep_evidence(path.with_suffix(".refused"), submission.note)
        return Answer(409 if promise.size == size else 422, f"{error.message}\n")
    return Answer(200)


def _keep_evidence(path: Path, note: str) -> None:
    seen = path.stat().st_size if path.exists() else 0
    if seen < MOST_EVIDENCE_BYTES:
        with path.open("a", encoding="utf-8") as file:
            file.write(note + "\n")
