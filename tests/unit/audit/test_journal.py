"""The journal's file: rotation, full disks, and what happens to the records in between."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.audit import journal as journal_module
from proxy.audit.journal import Journal
from proxy.errors import JournalError


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Disk:
    """Stands between the journal and ``os.write``: has room for so many bytes more (None: endless)."""

    def __init__(self) -> None:
        self.room: int | None = None
        self._write = os.write

    def write(self, descriptor: int, data: bytes) -> int:
        if self.room is None:
            return self._write(descriptor, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = data[: self.room]
        self.room -= len(part)
        return self._write(descriptor, part)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that can be filled."""
    disk = Disk()
    monkeypatch.setattr(os, "write", disk.write)
    return disk


@pytest.fixture
def clock() -> Clock:
    """The journal's clock."""
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    """A journal in a fresh folder."""
    journal = Journal(tmp_path / "journal.jsonl", clock=clock, wall_clock=lambda: 1_700_000_000.0)
    yield journal
    journal.close()


def lines(path: Path) -> list[bytes]:
    """The file's lines."""
    return path.read_bytes().splitlines()


def test_append(journal: Journal, tmp_path: Path) -> None:
    """Each record is in the file when append returns, which only its owner may read."""
    path = tmp_path / "journal.jsonl"
    journal.append(b'{"n":1}\n')
    assert path.read_bytes() == b'{"n":1}\n'
    journal.append(b'{"n":2}\n')
    assert lines(path) == [b'{"n":1}', b'{"n":2}']
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (journal.written, journal.backlog, journal.lost) == (2, 0, 0)
    journal.require()
    assert journal.is_writable()


def test_existing_file_is_continued(tmp_path: Path) -> None:
    """A journal that is there already is continued, never cut."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"old\n")
    journal = Journal(path)
    journal.append(b"new\n")
    journal.close()
    assert lines(path) == [b"old", b"new"]


def test_no_such_folder(tmp_path: Path) -> None:
    """A journal that cannot be opened is told at once, with its path and reason."""
    with pytest.raises(JournalError, match=r"nowhere/j.*cannot be written: No such file"):
        Journal(tmp_path / "nowhere" / "j")


def test_rotation_is_noticed(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    """A file moved away is replaced within a second, without a signal, and no record is lost."""
    path, old = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.1"
    journal.append(b"1\n")
    path.rename(old)
    journal.append(b"2\n")
    clock.now += 1
    journal.append(b"3\n")
    assert (lines(old), lines(path)) == ([b"1", b"2"], [b"3"])
    path.unlink()
    clock.now += 1
    journal.append(b"4\n")
    assert lines(path) == [b"4"]


def test_reopen(journal: Journal, tmp_path: Path) -> None:
    """After a signal the new file is used at once."""
    path, old = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.1"
    journal.append(b"1\n")
    path.rename(old)
    journal.reopen()
    journal.append(b"2\n")
    assert (lines(old), lines(path)) == ([b"1"], [b"2"])


def test_failed_reopening_keeps_the_old_file(tmp_path: Path, clock: Clock) -> None:
    """Where the new file cannot be made, records go on into the old one."""
    folder, moved = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    journal = Journal(folder / "j", clock=clock)
    folder.rename(moved)
    journal.reopen()
    journal.append(b"1\n")
    clock.now += 1
    journal.append(b"2\n")
    assert lines(moved / "j") == [b"1", b"2"]
    folder.mkdir()
    clock.now += 1
    journal.append(b"3\n")
    journal.close()
    assert lines(folder / "j") == [b"3"]


def test_full_disk(journal: Journal, disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """While the disk is full every append and require raises; afterwards what was kept comes first, in order."""
    path = tmp_path / "journal.jsonl"
    journal.append(b"1\n")
    disk.room = 0
    with pytest.raises(JournalError, match="protected relations cannot be read"):
        journal.append(b"2\n")
    with pytest.raises(JournalError):
        journal.require()
    assert not journal.is_writable()
    with pytest.raises(JournalError):
        journal.append(b"3\n")
    assert (journal.written, journal.backlog) == (1, 2)
    disk.room = None
    with pytest.raises(JournalError):
        journal.require()
    clock.now += 1
    journal.require()
    journal.append(b"4\n")
    *kept, resumed, last = lines(path)
    assert (kept, last) == ([b"1", b"2", b"3"], b"4")
    assert json.loads(resumed) == {
        "time": "2023-11-14T22:13:20.000Z", "type": "journal", "event": "resumed",
        "since": "2023-11-14T22:13:20.000Z", "lost": 0,
    }  # fmt: skip
    assert (journal.written, journal.backlog) == (5, 0)


def test_disk_is_tried_once_a_second(journal: Journal, disk: Disk, clock: Clock) -> None:
    """A failed journal is tried again at most once a second, and again fails or works."""
    disk.room = 0
    with pytest.raises(JournalError):
        journal.append(b"1\n")
    tries = 0

    def write(_: int, __: bytes) -> int:
        nonlocal tries
        tries += 1
        raise OSError(errno.EIO, "broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        for _ in range(5):
            assert not journal.is_writable()
        assert tries == 0
        clock.now += 1
        for _ in range(5):
            assert not journal.is_writable()
        assert tries == 1
    disk.room = None
    clock.now += 1
    assert journal.is_writable()


def test_torn_record(journal: Journal, disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """A record cut off by a full disk is ended and written again in whole, so that every other line is intact."""
    disk.room = 3
    with pytest.raises(JournalError):
        journal.append(b'{"n":1}\n')
    disk.room = None
    clock.now += 1
    journal.append(b'{"n":2}\n')
    first, second, resumed, last = lines(tmp_path / "journal.jsonl")
    assert (first, second, last) == (b'{"n', b'{"n":1}', b'{"n":2}')
    assert json.loads(resumed)["event"] == "resumed"


def test_short_write_is_continued(journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A write that takes only a part is continued until the record is whole."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda d, data: real(d, data[:3]))
    journal.append(b'{"n":1}\n')
    journal.append(b'{"n":2}\n')
    assert lines(tmp_path / "journal.jsonl") == [b'{"n":1}', b'{"n":2}']


def test_backlog_is_bounded(
    journal: Journal, disk: Disk, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What does not fit in the backlog is dropped, counted, and the loss recorded."""
    monkeypatch.setattr(journal_module, "_BACKLOG_BYTES", 5)
    disk.room = 0
    for n in range(5):
        with pytest.raises(JournalError):
            journal.append(b"%d\n" % n)
    assert (journal.backlog, journal.lost) == (2, 3)
    disk.room = None
    clock.now += 1
    journal.require()
    *kept, resumed = lines(tmp_path / "journal.jsonl")
    assert kept == [b"0", b"1"]
    assert json.loads(resumed)["lost"] == 3
    assert journal.lost == 0


def test_disk_full_again_while_catching_up(journal: Journal, disk: Disk, clock: Clock, tmp_path: Path) -> None:
    """A disk that fills up while the backlog is written leaves the rest of it for the next attempt."""
    disk.room = 0
    for n in range(3):
        with pytest.raises(JournalError):
            journal.append(b"%d\n" % n)
    disk.room = 2
    clock.now += 1
    assert not journal.is_writable()
    assert journal.backlog == 2
    disk.room = None
    clock.now += 1
    assert journal.is_writable()
    assert lines(tmp_path / "journal.jsonl")[:3] == [b"0", b"1", b"2"]
