"""The steps of the wing that guards: scan, clean, put, read, export, erase."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ErasedError, InputError, IntegrityError, RefusedError
from cartveil.events.kinds import Kind, Role, View
from cartveil.events.protected import load_protected
from cartveil.events.reading import read_table
from cartveil.events.scanning import scan as propose
from cartveil.events.schema import load_schema
from cartveil.faces.assemble import create_vault, read_tables
from cartveil.faces.checking import check_receipt
from cartveil.faces.files import write_json, write_parquet, write_text
from cartveil.faces.finding import text_finder
from cartveil.faces.forgetting import forget_in
from cartveil.faces.run.rehearsal import Rehearsal
from cartveil.guard.policy import Principal
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.risk import Study
from cartveil.guard.vault import Reading

ADMIN = Principal("run", "admin", {})
SCIENTIST = Principal("run", "data_science", {})
REVIEWER = Principal("run", "fraud_review", {})
OFFICER = Principal("run", "privacy_officer", {})
SUPPORT = Principal("sam", "support", {"team": "phone"})
MARKETING = Principal("mia", "marketing", {})
CASE: dict[str, object] = {"case": "rehearsal-1"}


def scan(run: Rehearsal) -> str:
    """Look at the tables; where there is no `cartveil.toml` yet, propose one and write it."""
    folder = run.source if run.source.is_dir() else run.source.parent
    toml = folder / "cartveil.toml" if run.source.is_dir() else run.source
    if run.source.is_dir() and not toml.exists():
        tables, paths = read_tables(folder)
        proposal = propose(tables, paths=paths, name=folder.resolve().name)
        write_text(toml, proposal.to_toml())
        said = f"proposed {toml}"
    else:
        run.schema = load_schema(toml)
        tables = {table.name: read_table(run.schema.path_of(table)) for table in run.schema.tables}
        proposal = propose(tables, paths={table.name: table.path for table in run.schema.tables})
        said = f"read {toml}"
    run.schema, run.tables = load_schema(toml), tables
    # Asked now, so that a schema without the roles that a run needs is refused before anything is written.
    run.people()
    run.purchases()
    run.report["scan"] = [evidence.to_dict() for evidence in proposal.evidence]
    columns = sum(len(table.columns) for table in run.schema.tables)
    rows = sum(table.num_rows for table in tables.values())
    return f"{said}: {columns} columns of {len(tables)} tables, {rows:,} rows"


def clean(run: Rehearsal) -> str:
    """Clean every table; keep what is set aside, countable, in files of its own."""
    from cartveil.events.cleaning import clean as clean_events
    from cartveil.events.protected import Events

    quality, kept, aside = {}, 0, 0
    for table in run.schema.tables:
        cleaned = clean_events(Events(run.tables.pop(table.name), table))
        run.tables[table.name] = cleaned.kept.table
        write_parquet(run.out / "set_aside" / f"{table.name}.parquet", cleaned.set_aside)
        quality[table.name] = cleaned.report.to_dict()
        kept, aside = kept + cleaned.kept.table.num_rows, aside + cleaned.set_aside.num_rows
    run.report["quality"] = quality
    return f"kept {kept:,} rows, set aside {aside:,} in {run.out / 'set_aside'}"


def put(run: Rehearsal) -> str:
    """Protect the cleaned tables and store them in a new vault."""
    run.vault = create_vault(run.out / "vault", run.schema, run.settings)
    write_text(run.out / "vault" / "passphrase.txt", run.passphrase + "\n", mode=0o600)
    values, started = 0, time.perf_counter()
    # People come first: a consumer's key is made when the consumer is first seen.
    for table in sorted(run.schema.tables, key=lambda table: table.by_role(Role.TIME) is not None):
        values += run.vault.put(ADMIN, table.name, run.tables[table.name]).values
    pace = values / (time.perf_counter() - started)
    run.report["put"] = {"values": values, "values_per_second": round(pace)}
    return f"{values:,} values under {run.vault.counts()['consumers']:,} consumers' keys, {pace:,.0f} values a second"


def read(run: Rehearsal) -> str:
    """Read one record as three people, and show one refusal with the change that would permit it."""
    people = run.people()
    subject = most_active(run)[0]
    views: list[dict[str, Any]] = []
    asked: tuple[tuple[Principal, str, dict[str, object], str], ...] = (
        (SUPPORT, "support", CASE, "support agent, open case"),
        (MARKETING, "marketing", {}, "marketing analyst"),
        (Principal(subject, "consumer", {}), "self_service", {}, "the consumer"),
    )
    names = [column.name for column in people.columns]
    for principal, purpose, context, label in asked:
        reading = run.vault.read(principal, people.name, subject, purpose=purpose, context=context)
        views.append({"role": label, "purpose": purpose, "values": _shown(reading, names, clear=run.synthetic)})
    refusal = _refusal(run, people.name, subject, names)
    run.report["views"] = {"fields": names, "roles": views, "refusal": refusal}
    run.report["before_after"] = _before_after(run, subject)
    record = "synthetic record" if run.synthetic else "record"
    headline = f"three views of one {record}; refused: {refusal['reason']}; hint: {refusal['hint']}"
    return "\n".join([headline, *(_in_words(view) for view in views)])


def _in_words(view: Mapping[str, Any]) -> str:
    shown = [cell["value"] for cell in view["values"] if cell["view"] != View.NONE and cell["value"]]
    return f"{view['role']}: {' | '.join(shown) or 'nothing'}"


def _refusal(run: Rehearsal, table: str, subject: str, names: list[str]) -> dict[str, str]:
    """Ask for contact data without a case: forgotten easily, and one change away from being permitted."""
    phone = next((column.name for column in run.people().columns if column.kind is Kind.PHONE), names[0])
    asked = f"{SUPPORT.name} (support) asks to reveal `{phone}` for support, without an open case"
    try:
        run.vault.reveal(SUPPORT, table, subject, fields=(phone,), purpose="support")
    except RefusedError as error:
        return {"request": asked, "reason": error.message, "hint": error.hint or ""}
    return {"request": asked, "reason": "not refused: this policy reveals without a case", "hint": ""}


def _shown(reading: Reading, names: list[str], *, clear: bool) -> list[dict[str, str]]:
    """Return what was seen of one record; a report about real people says only that a value was seen in clear."""
    row = reading.rows.slice(0, 1).to_pylist()[0] if reading.rows.num_rows else {}
    shown = []
    for name in names:
        value, view = row.get(name), str(reading.views.get(name, "none"))
        hidden = view == View.CLEAR and not clear
        shown.append({"value": "" if value is None else "(in clear)" if hidden else str(value), "view": view})
    return shown


def _before_after(run: Rehearsal, subject: str) -> list[dict[str, str]]:
    """Return one record in clear, as it rests, and as it would be released. Only for consumers who are synthetic."""
    if not run.synthetic:
        return []
    people = run.people()
    clear = run.tables[people.name]
    key = people.by_role(Role.SUBJECT)
    row = clear.filter(pc.equal(pc.cast(clear[key.name if key else ""], pa.string()), subject)).slice(0, 1)
    at_rest = run.vault.at_rest(people.name, subject)[0]
    released = deidentify(row, replace(people, k=None), finder=text_finder())[0].to_pylist()[0]  # one row hides nobody
    return [
        {
            "column": column.name,
            "before": _text(row[column.name][0].as_py()),
            "after_rest": _text(at_rest.get(column.name)),
            "after_release": _text(released.get(column.name)),
        }
        for column in people.columns
    ]


def _text(value: object) -> str:
    if value is None:
        return ""
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    return text if len(text) <= 48 else text[:45] + "..."


def export(run: Rehearsal) -> str:
    """Release the purchases for recommendation, of consumers who agreed, under pseudonyms."""
    result = run.vault.export(SCIENTIST, purpose="recommendation", recipient="run", study=Study())
    run.events = result.events
    result.events.save(run.learned / "recommendation.parquet")
    facts = {name.replace("_", " "): f"{count:,}" for name, count in result.counts.items()}
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items())
    risks = result.report.unicity if result.report is not None else ()
    run.report["export"] = facts | {f"found by {one.points} known purchases": f"{one.share:.1%}" for one in risks}
    found = "".join(f"; {one.points} known purchases pick out {one.share:.1%}" for one in risks[-1:])
    return f"pseudonyms only: {told}{found}"


def erase(run: Rehearsal) -> str:
    """Erase one consumer, show that nothing is left, and check the receipt before and after a changed byte."""
    subject = _leaver(run)
    pseudonyms = set(run.vault.pseudonyms(subject).values())
    before = _released(run, pseudonyms)
    # The officer erases today, after all the staged weeks.
    run.clock.set(run.present)
    receipt = run.vault.erase(OFFICER, subject, forget=(forget_in(run.learned),))
    path = run.out / "receipt.json"
    write_json(path, receipt)
    facts = check_receipt(path, key=run.vault.public_key.hex())
    rejected = _changed_byte_is_rejected(run)
    audit = run.vault.verify()
    run.report["erase"] = {**_flat(receipt), "one changed byte": "rejected" if rejected else "ACCEPTED"}
    checkpoint = run.vault.checkpoint()
    write_text(run.out / "checkpoint.txt", checkpoint)
    run.report["audit"] = {
        "size": audit["entries"],
        "root": checkpoint.splitlines()[2],
        "checkpoint": checkpoint,
        "verified": ["every entry and every stored hash", "signed checkpoint", "inclusion proof of the erasure"],
    }
    said = f"key destroyed; reading says `{_reading_says(run, subject)}`"
    changed = "rejected" if rejected else "ACCEPTED"
    headline = f"{said}; receipt verified among {facts['entries']:,} entries, one changed byte {changed}"
    gone = ", ".join(f"{count:,} rows of {table}" for table, count in facts["deleted"].items())
    return f"{headline}\ndeleted {gone}; {before:,} events in the release before, {_released(run, pseudonyms):,} after"


def _leaver(run: Rehearsal) -> str:
    """Return who is to be forgotten: not the one that the report shows, and somebody whom a release holds."""
    active = most_active(run)
    in_release = set(pc.unique(run.events.table["subject"]).to_pylist()) if run.has_events() else set()
    for subject in active[1:100]:
        if in_release & set(run.vault.pseudonyms(subject).values()):
            return subject
    return active[:2][-1]


def _released(run: Rehearsal, pseudonyms: set[str]) -> int:
    """Return how many events of a consumer the release on the disk holds."""
    path = run.learned / "recommendation.parquet"
    if not path.exists():
        return 0
    events = load_protected(path).table["subject"]
    return int(pc.sum(pc.is_in(events, value_set=pa.array(list(pseudonyms), pa.string()))).as_py() or 0)


def _reading_says(run: Rehearsal, subject: str) -> str:
    try:
        run.vault.read(SUPPORT, run.people().name, subject, purpose="support", context=CASE)
    except ErasedError:
        return "erased"
    return "STILL THERE"


def _changed_byte_is_rejected(run: Rehearsal) -> bool:
    text = (run.out / "receipt.json").read_text(encoding="utf-8")
    copy = run.out / "receipt-changed.json"
    # One digit of the count of destroyed rows or of a time: the smallest lie that a receipt could tell.
    position = next(index for index, character in enumerate(text) if character.isdigit())
    digit = str((int(text[position]) + 1) % 10)
    write_text(copy, text[:position] + digit + text[position + 1 :])
    try:
        check_receipt(copy, key=run.vault.public_key.hex())
    except IntegrityError:
        return True
    finally:
        copy.unlink(missing_ok=True)
    return False


def _flat(receipt: Mapping[str, object]) -> dict[str, str]:
    flat = {}
    for name, value in receipt.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        flat[name.replace("_", " ")] = text if len(text) <= 160 else text[:157] + "..."
    return flat


def most_active(run: Rehearsal) -> list[str]:
    """Return the subjects that occur in both tables, those with most rows first; `InputError` where there is none."""
    purchases = run.tables[run.purchases().name]
    column = run.purchases().by_role(Role.SUBJECT)
    counts = pc.value_counts(purchases[column.name if column else ""].drop_null())
    ranked = sorted(counts.to_pylist(), key=lambda pair: (-pair["counts"], str(pair["values"])))
    people = run.people().by_role(Role.SUBJECT)
    known = set(pc.cast(run.tables[run.people().name][people.name if people else ""], pa.string()).to_pylist())
    found = [name for name in (str(pair["values"]) for pair in ranked) if name in known]
    if not found:
        hint = "look whether the consumers' numbers are written alike in both files"
        where = f"`{run.purchases().name}` and `{run.people().name}`"
        raise InputError(f"no consumer is in both {where}", path=run.schema.name, hint=hint)
    return found
