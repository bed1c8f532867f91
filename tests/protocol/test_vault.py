"""The master key from Vault, through its real client library and a stand-in of its server."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.tokens.keyring_file import KeyringFile
from proxy.tokens.vault import VaultMasterKey
from tests.support.vault_server import TOKEN, vault_server

_DAY = date(2026, 11, 22)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.delenv("VAULT_CACERT", raising=False)


def test_a_keyring_under_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vault makes the key and gives it to another process; a reload asks nobody; a key that it has not is an error."""
    path = tmp_path / "keyring.yaml"
    with vault_server() as (address, asked):
        monkeypatch.setenv("VAULT_ADDR", address)
        source = VaultMasterKey("transit/pgveil")
        made = KeyringFile(path, source)
        assert made.init(["patient"], _DAY)[0] == "made a master key under Vault's transit/pgveil"
        keys = made.read()
        assert asked == ["/v1/transit/datakey/plaintext/pgveil"]
        other = KeyringFile(path, VaultMasterKey("transit/pgveil"))
        assert other.read().domains == keys.domains
        assert other.rotate(["patient"], _DAY) == {"patient": 2}
        assert asked[1:] == ["/v1/transit/decrypt/pgveil"]
        assert repr(source) == "VaultMasterKey(transit/pgveil)"
    with vault_server() as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        with pytest.raises(SettingsFileError, match="Vault did not give the key transit/pgveil"):
            KeyringFile(path, VaultMasterKey("transit/pgveil")).read()


def test_a_token_that_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vault's refusal is our error, without what it said, and nothing is made."""
    monkeypatch.setenv("VAULT_TOKEN", "hvs.another")
    with vault_server() as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        with pytest.raises(SettingsFileError, match="Forbidden") as raised:
            KeyringFile(tmp_path / "keyring.yaml", VaultMasterKey("transit/pgveil")).init(["patient"], _DAY)
    assert "hvs." not in f"{raised.value.message} {raised.value.hint}"
    assert not (tmp_path / "keyring.yaml").exists()


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is our error too."""
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with pytest.raises(SettingsFileError, match="ConnectionError"):
        VaultMasterKey("transit/pgveil").create()


def test_a_key_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only keys of 256 bits are taken."""
    with vault_server(key_bytes=16) as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        with pytest.raises(SettingsFileError, match="not a key of 256 bits"):
            VaultMasterKey("transit/pgveil").create()


@pytest.mark.parametrize("name", ["pgveil", "/pgveil", "transit/"])
def test_names_that_are_no_keys(name: str) -> None:
    """The mount and the key are both named."""
    with pytest.raises(SettingsFileError, match="MOUNT/KEY"):
        VaultMasterKey(name)


def test_a_keyring_of_another_source() -> None:
    """A keyring that holds no sealed key was not made with Vault."""
    with pytest.raises(SettingsFileError, match="not made with a key service"):
        VaultMasterKey("transit/pgveil").open(None)
