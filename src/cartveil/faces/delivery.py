"""Alerts on their way out: lines of JSON in a file, or a webhook that is asked again until it answers.

An alert names an actor, a day, and why. A file keeps the pseudonyms that it concerns; a webhook leads out of the house,
and gets their number only. Where a consumer is the actor, a webhook gets neither the pseudonym nor the reasons, which
tell what was bought: only which columns were unusual. What is sent is known by its id, so that it may be sent twice and
counts once.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cartveil.errors import DeliveryError, InputError, ReadError, StorageError

Record = Mapping[str, object]
#: What an alert's `actor_kind` is where the actor is a consumer.
CONSUMER = "consumer"
_LOCAL = ("localhost", "127.0.0.1", "::1")
#: Answers after which it is worth asking again.
_LATER = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Retry:
    """How often and how patiently a webhook is asked.

    Args:
        tries: At most, per alert.
        first: Seconds before the second try; each later wait is twice as long.
        longest: Seconds that no wait exceeds, whatever the receiver asks for.
        timeout: Seconds for an answer.
    """

    tries: int = 5
    first: float = 1.0
    longest: float = 30.0
    timeout: float = 10.0


def deliver(
    records: Sequence[Record], to: str, *, retry: Retry | None = None, wait: Callable[[float], None] = time.sleep
) -> int:
    """Deliver alerts.

    Args:
        records: As `Alert.to_dict` gives them, each with an `id`.
        to: Path of a file that lines are added to, or an https address; http to this machine only.
        retry: How patiently a webhook is asked.
        wait: Sleeps for so many seconds.

    Returns:
        How many were delivered now; those that the file holds already are passed over.

    Raises:
        InputError: An address that cannot be used.
        StorageError: The file cannot be written.
        DeliveryError: The receiver refused, or did not answer after all tries.
    """
    address = urlsplit(to)
    if address.scheme in ("http", "https"):
        return _post_all(records, _checked(address), retry or Retry(), wait)
    if "://" in to:
        raise _unknown(address)
    return _append(records, Path(to))


def check_destination(to: str) -> None:
    """Refuse early what alerts cannot be delivered to: training may take minutes.

    Raises:
        InputError: An address that cannot be used.
        StorageError: The folder of a file does not exist.
        ReadError: The file holds something else.
    """
    address = urlsplit(to)
    if address.scheme in ("http", "https"):
        _checked(address)
    elif "://" in to:
        raise _unknown(address)
    elif not Path(to).absolute().parent.is_dir() or Path(to).is_dir():
        raise StorageError("is no file in a folder that exists", path=to, hint="make the folder, or choose another")
    else:
        _ids(Path(to))


def without_path(to: str) -> str:
    """Return where alerts go as it may be shown: an address without path and query, which may hold a token."""
    address = urlsplit(to)
    return _place(address) if address.scheme in ("http", "https") else to


def _unknown(address: SplitResult) -> InputError:
    return InputError(f"`{address.scheme}` cannot be delivered to", path="--deliver", hint="give a file, or https://")


def _append(records: Iterable[Record], path: Path) -> int:
    """Add lines to a file for its owner only, in one write, those that it lacks."""
    known = _ids(path)
    lines = [json.dumps(record, ensure_ascii=False, default=str) for record in records if record["id"] not in known]
    if not lines:
        return 0
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(place, "ab") as file:
            file.write(("\n".join(lines) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise StorageError(reason, path=str(path), hint="choose another file, or check the permissions") from None
    return len(lines)


def _ids(path: Path) -> set[object]:
    if not path.exists():
        return set()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {json.loads(line)["id"] for line in lines if line.strip()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "give a file that alerts were delivered to, or a new one"
        raise ReadError("is no file of delivered alerts", path=str(path), hint=hint) from error


def _checked(address: SplitResult) -> SplitResult:
    if address.scheme == "http" and address.hostname not in _LOCAL:
        hint = "use https; http is for a receiver on this machine"
        raise InputError("alerts are not sent unencrypted", path=_place(address), hint=hint)
    if not address.hostname or address.username or address.password:
        hint = "write it as https://host/path, with a token in the path or the query where one is needed"
        raise InputError("is no address that can be delivered to", path="--deliver", hint=hint)
    return address


def _post_all(records: Sequence[Record], address: SplitResult, retry: Retry, wait: Callable[[float], None]) -> int:
    """Send each alert; one that is refused is passed over, a receiver that does not answer is left in peace."""
    arrived, refused = 0, ""
    for record in records:
        sent = _outside(record)
        body = json.dumps(sent, ensure_ascii=False, default=str).encode()
        said, later = _post(body, str(sent["id"]), address, retry, wait)
        if not said:
            arrived += 1
            continue
        refused = said
        if later:
            break
    if refused:
        message = f"{refused}; {arrived} of {len(records)} alerts arrived"
        raise DeliveryError(message, path=_place(address), hint="look at the receiver's log, then deliver again")
    return arrived


def _outside(record: Record) -> dict[str, object]:
    """Return what may leave the house: all but the pseudonyms, of which the number is left."""
    subjects = record.get("subjects", ())
    kept = {name: value for name, value in record.items() if name != "subjects"}
    if record.get("actor_kind") == CONSUMER:
        kept = {name: value for name, value in kept.items() if name not in ("actor", "reasons")}
        kept |= {name: _digest(str(kept[name])) for name in ("id", "incident") if name in kept}
    return {**kept, "subjects": len(subjects) if isinstance(subjects, list | tuple) else 0}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _post(
    body: bytes, name: str, address: SplitResult, retry: Retry, wait: Callable[[float], None]
) -> tuple[str, bool]:
    """Send one alert, again and again, until it is taken, refused, or the tries are over.

    Returns:
        What was said instead of taking it, `""` where it was taken, and whether the receiver may take it later.
    """
    said = "no answer"
    for turn in range(retry.tries):
        pause = min(retry.longest, retry.first * 2**turn)
        try:
            status, after = _once(body, name, address, retry.timeout)
        except (OSError, HTTPException) as error:
            # The text of such an error may hold the address, and with it a token.
            said = f"no answer ({type(error).__name__})"
        else:
            if 200 <= status < 300:
                return "", False
            said = f"answered {status}"
            if status not in _LATER:
                return said, False
            pause = min(retry.longest, max(pause, after))
        if turn + 1 < retry.tries:
            wait(pause)
    return said, True


def _once(body: bytes, name: str, address: SplitResult, timeout: float) -> tuple[int, float]:
    """Return status and the seconds that the receiver asks to wait; a redirect is an answer like any other."""
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=timeout)
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": name.encode().hex()}
        connection.request("POST", target, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, _asked_to_wait(answer)
    finally:
        connection.close()


def _asked_to_wait(answer: HTTPResponse) -> float:
    after = answer.getheader("Retry-After", "")
    return float(after) if after.isdecimal() else 0.0


def _place(address: SplitResult) -> str:
    """Return the address without path and query, which may hold a token."""
    return f"{address.scheme}://{address.hostname}"
