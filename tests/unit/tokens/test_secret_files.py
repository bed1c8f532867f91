"""Files with secrets: permissions, atomic writes and the lock."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.tokens.secret_files import create_secret_file, locked, read_secret_file, replace_secret_file


def test_only_the_owner_can_read_what_is_written(tmp_path: Path) -> None:
    """New and replaced files have mode 600, whatever the umask, and nothing else is left in the folder."""
    before = os.umask(0)
    try:
        create_secret_file(tmp_path / "a", b"one")
        replace_secret_file(tmp_path / "a", b"two")
        replace_secret_file(tmp_path / "b", b"three")
    finally:
        os.umask(before)
    assert read_secret_file(tmp_path / "a") == b"two"
    assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {0o600}
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o601])
def test_a_file_that_others_could_open_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right of the group or of others is an error that says what to do."""
    path = tmp_path / "a"
    path.write_bytes(b"5ec7e7")
    path.chmod(mode)
    with pytest.raises(SettingsFileError, match="other users") as raised:
        read_secret_file(path)
    assert raised.value.hint == f"chmod 600 {path}"


def test_what_exists_is_not_made_again(tmp_path: Path) -> None:
    """Creating a file that is there leaves it as it is."""
    create_secret_file(tmp_path / "a", b"one")
    with pytest.raises(SettingsFileError, match="cannot be written: File exists"):
        create_secret_file(tmp_path / "a", b"two")
    assert read_secret_file(tmp_path / "a") == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails, the old content stays and no part of the new one is left."""
    create_secret_file(tmp_path / "a", b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsFileError, match="No space left"):
        replace_secret_file(tmp_path / "a", b"two")
    assert read_secret_file(tmp_path / "a") == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second holder of the lock is told to wait; when the first is done the lock is free."""
    with locked(tmp_path / "a"), pytest.raises(SettingsFileError, match="another command"), locked(tmp_path / "a"):
        pass
    with locked(tmp_path / "a"):
        pass


def test_a_missing_file_or_folder_is_our_own_error(tmp_path: Path) -> None:
    """What the system says is said."""
    with pytest.raises(SettingsFileError, match="No such file"):
        read_secret_file(tmp_path / "none")
    with pytest.raises(SettingsFileError, match="No such file"):
        create_secret_file(tmp_path / "none" / "a", b"")
    with pytest.raises(SettingsFileError, match="No such file"), locked(tmp_path / "none" / "a"):
        pass
