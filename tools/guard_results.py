"""The guard's figures of `bench/results/` as tables in Markdown; written into pages by `write_results`."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "bench" / "results"


def protection() -> str:
    """Return the speed of each protection beside the bare cipher and Presidio."""
    figures = _read("protect")
    peers = {"mask": "mask", "pseudonym": "hash", "seal": "encrypt"}
    names = {
        "mask": "mask a phone",
        "pseudonym": "pseudonym of a phone",
        "token": "token of a phone",
        "fpe": "FF1, 16 digits",
        "seal": "seal, a key per value",
        "generalise": "address to region",
    }
    lines = [
        "**Protection**, thousand values a second, one core, all values different, in one run:",
        "",
        "| | Cartveil | AES alone (`openssl speed`) | Presidio |",
        "|---|---|---|---|",
    ]
    for key, name in names.items():
        limit = figures["limit"].get(key)
        peer = figures["presidio"].get(peers.get(key, ""))
        cells = [f"{figures[key]:,.0f}", f"{limit:,.0f}" if limit else "", f"{peer:,.0f}" if peer else ""]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def facts() -> str:
    """Return what keys, policy, log, store and erasure were measured at, a line each."""
    policy, audit, keys = _read("policy"), _read("audit"), _read("keys")
    durability, erasure, parts = _read("durability"), _read("erasure"), _read("mutants")["parts"]
    times, reads = policy["milliseconds"], keys["busy"]["reads"]
    kills = sum(durability[store]["kills"] for store in ("sqlite", "postgresql"))
    grouped, attacks, power = audit["grouped_entries_per_second"]["1000"], audit["attacks"]["all"], durability["power"]
    lost = sum(durability[store]["lost"] for store in ("sqlite", "postgresql"))
    mutants = ", ".join(f"{name} {part['share']:.1%}" for name, part in parts.items())
    rows = {
        f"a decision at {policy['rules']:,} rules": f"p99 {times['cold']['p99']:.2f} ms with nothing remembered, "
        f"{times['known']['p99']:.2f} ms once the rules' answers are known",
        "the log": f"{grouped:,.0f} entries a second in groups of 1,000, one durable entry "
        f"{audit['single_milliseconds']['median']:.2f} ms; {attacks['undetected']} of {attacks['attacks']:,} attacks "
        "unseen, given a checkpoint kept elsewhere",
        f"a new wrapping key for {keys['consumers']:,} consumers": f"{keys['quiet']['seconds']:.1f} s; among readers "
        f"and writers, killed once and resumed: {reads['failed']} of {reads['served']:,} reads failed",
        f"kill -9 at {kills} random points": f"{lost} acknowledged writes lost; {power['cuts']} simulated power "
        f"cuts: {power['lost']} lost",
        "erasing 10,000 consumers in one call": f"{erasure['erased']['10000']['seconds']:.1f} s, a signed receipt each",
        "mutants that a test kills, of those that change anything": mutants,
    }
    lines = ["**The guard**, two cores:", "", "| | |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in rows.items()]
    return "\n".join(lines)


def tables_of_rows() -> str:
    """Return how protection of whole tables grows with their length."""
    figures = _read("protect")["table"]
    lines = ["**A table's length**, seven columns, protected part by part:", "", "| rows | rows a second | peak MiB |"]
    lines += ["|---|---|---|"]
    lines += [f"| {int(rows):,} | {each['rows_a_second']:,} | {each['peak_mib']} |" for rows, each in figures.items()]
    return "\n".join(lines)


def risk() -> str:
    """Return what releases of real purchases still tell, by how coarse their times are."""
    figures = _read("release_risk")
    names = {
        "1h": "to the hour",
        "1d": "to the day",
        "7d": "to the week",
        "shift": "shifted by up to 30 days",
        "items": "not at all",
    }
    lines = [
        f"**What a release still tells**, {figures['1h']['consumers']:,} consumers of UCI Online Retail under "
        "pseudonyms. Picked out: whom two or four purchases that somebody knows single out. Linked: whom equal "
        "histories join with another recipient's release. NDCG@10 of the next item, by item-kNN:",
        "",
        "| times leave | picked out by 2 | by 4 | linked by weeks | NDCG@10 |",
        "|---|---|---|---|---|",
    ]
    for key, name in names.items():
        each = figures[key]
        timed = [f"{each['linked_by_weeks']:.1%}", f"{each['ndcg@10']:.3f}"] if key != "items" else ["", ""]
        shares = [f"{each['unicity'][known]:.1%}" for known in ("2", "4")]
        lines.append(f"| {name} | {' | '.join(shares + timed)} |")
    return "\n".join(lines)


def stores() -> str:
    """Return what both stores do in a second."""
    figures = _read("store")
    names = {
        "put": "values put",
        "read": "reads, an entry each",
        "read_many": "reads, an entry for a hundred",
        "find": "finds by a sealed value",
        "insert_bulk": "bare cells inserted in bulk",
    }
    lines = ["**Stores**, a second:", "", "| | SQLite | PostgreSQL |", "|---|---|---|"]
    lines += [
        f"| {name} | {figures['sqlite'][key]:,.0f} | {figures['postgresql'][key]:,.0f} |" for key, name in names.items()
    ]
    return "\n".join(lines)


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content
