"""Where master keys come from, and what is said where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.tokens.master_key import EnvironmentMasterKey, FileMasterKey, master_key_source

_HEX = "ab" * 32


def test_a_file_is_made_once(tmp_path: Path) -> None:
    """The first ``create`` makes the key, later ones use it, and ``open`` gives it."""
    source = FileMasterKey(tmp_path / "master.key")
    made = source.create()
    assert "made" in made.said
    assert len(made.key) == 32
    again = source.create()
    assert "used" in again.said
    assert again.key == made.key == source.open(None)
    assert made.key.hex() not in repr(made)


def test_a_lost_file_is_an_error_and_stays_lost(tmp_path: Path) -> None:
    """Opening never makes a key."""
    with pytest.raises(SettingsFileError, match="the master key is missing"):
        FileMasterKey(tmp_path / "master.key").open(None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "5ec7e7", "xy" * 32, "ab" * 33, "\udcff"])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """Another content is an error that does not quote it."""
    path = tmp_path / "other.key"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(SettingsFileError, match="should be 64 hexadecimal digits") as raised:
        FileMasterKey(path).open(None)
    assert not text or text not in raised.value.message.removeprefix(str(path))


def test_the_environment(tmp_path: Path) -> None:
    """A variable holds the key; where it does not, the error says so and how to make one."""
    assert EnvironmentMasterKey("K", {"K": f"{_HEX}\n"}).create().key == bytes.fromhex(_HEX)
    for environ in ({}, {"K": ""}):
        with pytest.raises(SettingsFileError, match="is not set") as raised:
            EnvironmentMasterKey("K", environ).open(None)
        assert "openssl rand -hex 32" in (raised.value.hint or "")
    assert _HEX not in repr(EnvironmentMasterKey("K", {"K": _HEX}))


def test_spellings(tmp_path: Path) -> None:
    """The settings' word chooses the source; a service is asked by its own."""
    assert master_key_source(f"file:{tmp_path}/k", {}) == FileMasterKey(tmp_path / "k")
    assert isinstance(master_key_source("env:K", {}), EnvironmentMasterKey)
    assert master_key_source("vault:a/b", {"vault": lambda n: FileMasterKey(Path(n))}) == FileMasterKey(Path("a/b"))
    with pytest.raises(SettingsFileError, match="should be file:PATH"):
        master_key_source("5ec7e7", {})
