"""The bench of rotation, on a small vault and without the programs beside."""

from pathlib import Path

from bench.keys import ADMIN, fill, opened, quiet, spread, still_open, wrapping, wraps


def test_a_small_vault_is_filled_rotated_and_closed_to_old_wraps(tmp_path: Path) -> None:
    fill(tmp_path, 300)
    with opened(tmp_path) as vault:
        before = wraps(vault, 300)
        assert set(wrapping(vault, 300)) == {"scalar_keys_per_s", "batch_keys_per_s"}
    assert quiet(tmp_path)["consumers"] == 300
    assert still_open(tmp_path, before) == 300
    with opened(tmp_path) as vault:
        assert vault.destroy_old_keys(ADMIN) == ("wrapping-1",)
    assert still_open(tmp_path, before) == 0


def test_latencies_are_told_in_milliseconds() -> None:
    told = spread([0.001] * 98 + [0.5] * 2)
    assert told["median_ms"] == 1
    assert told["longest_ms"] == 500
    assert 1 < told["p99_ms"] <= 500
