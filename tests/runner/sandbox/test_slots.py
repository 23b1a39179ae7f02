"""Slots are held by one, come back when their holder ends, and tell strangers apart."""

from __future__ import annotations

from pathlib import Path

from proctor_runner.sandbox.logs import sanitize
from proctor_runner.sandbox.slot_folder import FIXED_TIME_S, SlotFolder, fill_input
from proctor_runner.sandbox.slots import Slots


def test_two_holders_never_have_the_same_slot(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    first, second = slots.take(), slots.take()

    assert (first.number, second.number) == (0, 1)
    assert first.uid != second.uid
    first.release()
    assert slots.take().number == 0
    second.release()
    second.release()


def test_a_held_slot_is_not_free(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    held = slots.take()

    with slots.if_free(held.number) as free:
        assert not free
    held.release()
    with slots.if_free(held.number) as free:
        assert free


def test_the_id_belongs_to_the_folder(tmp_path: Path) -> None:
    assert Slots(tmp_path / "a").id == Slots(tmp_path / "a").id
    assert Slots(tmp_path / "a").id != Slots(tmp_path / "b").id


def test_a_file_of_the_right_mode_and_time_is_linked_and_any_other_copied(tmp_path: Path) -> None:
    import os

    ready, other = tmp_path / "ready", tmp_path / "other"
    for path in (ready, other):
        path.write_text("x")
    ready.chmod(0o444)
    os.utime(ready, (FIXED_TIME_S, FIXED_TIME_S))
    (folder,) = SlotFolder(tmp_path / "state", 0).make("input")

    fill_input(folder, {}, {"ready": ready, "other": other})

    assert (folder / "ready").samefile(ready)
    assert not (folder / "other").samefile(other)
    assert (folder / "other").stat().st_mode & 0o777 == 0o444
    assert other.stat().st_mode & 0o777 != 0o444
    assert (folder.parent.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o700, 0o755)


def test_a_log_of_half_a_character_is_still_text() -> None:
    assert sanitize("é".encode() * 100, 61).decode().endswith("é")
    assert sanitize(b"anything", 0) == b""
