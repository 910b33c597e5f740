from bench import audit


# A figure may be slow here, but must be one: every speed is of work that was done and checked.
def test_every_speed_of_the_log_is_measured(monkeypatch):
    for name, small in (("ENTRIES", 1_000), ("SINGLES", 20), ("PROOFS", 20), ("GROUPS", (1, 100))):
        monkeypatch.setattr(audit, name, small)
    figures = audit.speeds(runs=1)
    assert figures["entries"] > 1_000
    assert set(figures["grouped_entries_per_second"]) == {"1", "100"}
    flat = [value for found in figures.values() for value in (found.values() if isinstance(found, dict) else [found])]
    assert all(value > 0 for value in flat)
    assert figures["single_milliseconds"]["median"] <= figures["single_milliseconds"]["p99"]


def test_the_log_is_slower_than_the_bare_hash_in_the_same_run(monkeypatch):
    for name, small in (("ENTRIES", 2_000), ("SINGLES", 20), ("PROOFS", 20), ("GROUPS", (1_000,))):
        monkeypatch.setattr(audit, name, small)
    figures = audit.speeds(runs=2)
    assert figures["grouped_entries_per_second"]["1000"] < figures["limits"]["sha256_entry_and_node_per_second"]
