import hashlib
from pathlib import Path

import pyarrow.csv as csv
import pytest

from cartveil.errors import InputError, StorageError
from cartveil.faces.demo import write_demo_folder

SHIPPED = "bb04ea1a2c071ea0b4594ac1ed16098333feedcd584b2b7b98f53e7d849e445e"


def test_the_orders_are_the_published_file_byte_for_byte(tmp_path: Path) -> None:
    folder = write_demo_folder(tmp_path / "demo", seed=7)
    assert hashlib.sha256((folder / "orders.parquet").read_bytes()).hexdigest() == SHIPPED


def test_each_customer_of_the_orders_gets_one_row(tmp_path: Path) -> None:
    customers = csv.read_csv(write_demo_folder(tmp_path / "demo", seed=7) / "customers.csv")
    assert len(set(customers["customer_id"].to_pylist())) == customers.num_rows == 4372


def test_the_folder_says_what_is_synthetic(tmp_path: Path) -> None:
    assert "SYNTHETIC" in (write_demo_folder(tmp_path / "demo", seed=7) / "README.txt").read_text()


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    folder = write_demo_folder(tmp_path / "demo", seed=7)
    (folder / "vault").mkdir()
    (folder / "vault" / "vault.db").write_bytes(b"old")
    write_demo_folder(folder, seed=8)
    assert sorted(entry.name for entry in folder.iterdir()) == [
        ".cartveil-demo",
        "README.txt",
        "customers.csv",
        "orders.parquet",
    ]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    assert (write_demo_folder(tmp_path, seed=7) / "customers.csv").is_file()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_the_demo_did_not_make_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    foreign, other = tmp_path / "foreign", tmp_path / "other"
    other.mkdir()
    if kind == "folder":
        foreign.mkdir()
        (foreign / "thesis.txt").write_text("mine")
    elif kind == "file":
        foreign.write_text("mine")
    else:
        foreign.symlink_to(other, target_is_directory=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        write_demo_folder(foreign, seed=7)
    assert caught.value.hint
    assert caught.value.path == str(foreign)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_inside_is_removed_and_not_followed(tmp_path: Path) -> None:
    folder = write_demo_folder(tmp_path / "demo", seed=7)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "thesis.txt").write_text("mine")
    (folder / "link").symlink_to(kept, target_is_directory=True)
    write_demo_folder(folder, seed=7)
    assert (kept / "thesis.txt").read_text() == "mine"
    assert not (folder / "link").exists()


def test_a_failing_disk_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        write_demo_folder(tmp_path / "file" / "demo", seed=7)
    assert caught.value.hint
