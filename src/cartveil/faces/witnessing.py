"""Handing a checkpoint to where it is kept: a file, or a witness on another host."""

import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cartveil.errors import InputError, IntegrityError, StorageError
from cartveil.guard.audit import parse_checkpoint
from cartveil.guard.audit.notes import Submission, keep_note
from cartveil.guard.vault import Vault

_SECONDS = 10

# A witness may hear of another checkpoint in between; more than that is no accident.
_TRIES = 3


class _Stay(urllib.request.HTTPRedirectHandler):
    """Go nowhere else: who answers is who was named."""

    def redirect_request(self, *arguments: object) -> None:
        """Refuse."""


def keep_checkpoint(vault: Vault, to: str) -> str:
    """Sign the log and hand the checkpoint to where it is kept.

    Args:
        vault: Whose log.
        to: A file of notes, or the address of a witness (`http://host:8571`, `https://...`).

    Returns:
        The checkpoint.

    Raises:
        IntegrityError: What is kept there is not what this log was: it was rewritten, cut or forked.
        StorageError: The disk refused, or nobody answers.
        InputError: Not such an address.
    """
    note = vault.checkpoint()
    scheme = urlsplit(to).scheme
    if scheme in ("http", "https"):
        _send(vault, note, to)
    elif "://" in to:
        raise InputError(f"cannot send to `{scheme}`", path="--to", hint="name a file, or http:// or https://")
    else:
        keep_note(Path(to), note, public_key=vault.public_key, prove=vault.prove_consistency)
    return note


def _send(vault: Vault, note: str, to: str) -> None:
    new, old = parse_checkpoint(note).size, 0
    for _ in range(_TRIES):
        proof: Sequence[bytes] = vault.prove_consistency(old, new)
        status, text = _post(to.rstrip("/") + "/add-checkpoint", Submission(old, tuple(proof), note).body())
        if status == 200:
            return
        if status != 409 or not text.strip().isdecimal():
            raise _refused(status, to)
        old = int(text)
        if old > new:
            said = f"the witness saw {old} entries, this log has {new}"
            hint = "keep the vault as it is: its log was cut, or an old copy restored"
            raise IntegrityError(said, path=to, hint=hint)
    raise StorageError("the witness keeps changing its mind", path=to, hint="send it again")


def _post(address: str, body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310 - http and https only, see above
    request.add_header("content-type", "text/plain; charset=utf-8")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=_SECONDS) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(100).decode("ascii", "replace")
    except (OSError, ValueError):
        hint = "start one with `python -m cartveil.faces.service --witness FOLDER --log ORIGIN=KEY`"
        raise StorageError("no witness answers", path=address, hint=hint) from None


def _refused(status: int, to: str) -> IntegrityError | InputError:
    if status in (403, 404):
        hint = "it must be started with `--log` and this log's origin and public key"
        return InputError("the witness does not know this log", path=to, hint=hint)
    if status in (409, 422):
        hint = "keep both: the witness has signed evidence that this log was rewritten"
        return IntegrityError("the witness refused: the log does not continue what it was", path=to, hint=hint)
    return InputError(f"the witness answered {status}", path=to, hint="check the address")
