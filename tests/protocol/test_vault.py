"""The master key from Vault, through its real client library and a stand-in of its server."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import traceback
from datetime import date
from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.tokens.keyring_file import KeyringFile
from proxy.tokens.vault import VaultMasterKey
from tests.support.vault_server import SEALED, TOKEN, Failure, vault_server

_DAY = date(2026, 11, 22)
_SETTINGS = """\
listen: {port: 0}
upstream: {host: /nowhere, user: pgveil}
identity: {issuers: [{issuer: i, audience: a, jwks: jwks.json}]}
policy: policy.yaml
keyring: {file: keyring.yaml, master_key: "vault:transit/pgveil"}
audit: {journal: journal.jsonl}
admin: {port: 0}
"""
_FAILURES = {
    "sealed": (SEALED, "VaultDown", "vault operator unseal"),
    "not initialized": (Failure(501, b'{"errors":["Vault is not initialized"]}'), "VaultNotInitialized", "right one"),
    "not allowed": (
        Failure(403, b'{"errors":["1 error occurred:\\n\\t* permission denied\\n\\n"]}'),
        "Forbidden",
        "whether the token has expired, and its policy",
    ),
    "no such key": (Failure(400, b'{"errors":["encryption key not found"]}'), "InvalidRequest", "has no key"),
    "no such engine": (Failure(404, b'{"errors":["no handler for route"]}'), "InvalidPath", "no transit engine"),
    "quotes the token": (Failure(500, f'{{"errors":["bad {TOKEN}"]}}'.encode()), "InternalServerError", "Vault's log"),
    "errors that are none": (Failure(400, b'{"errors":[1]}'), "TypeError", "VAULT_ADDR"),
    "no answer": (Failure(200, b"", silent=True), "ReadTimeout", "does not answer"),
    "garbage": (Failure(200, b'{"data": {"plain'), "256 bits", "active Vault server"),
    "a page": (Failure(200, b"<html>", "text/html"), "256 bits", "active Vault server"),
    "a list": (Failure(200, b'["data"]'), "256 bits", "active Vault server"),
    "no data": (Failure(200, b'{"data": null}'), "256 bits", "active Vault server"),
    "no text": (Failure(200, b'{"data": {"plaintext": 1, "ciphertext": 2}}'), "256 bits", "active Vault server"),
    "half a key": (Failure(200, b'{"data": {"plaintext": "AAAA"}}'), "256 bits", "active Vault server"),
    "another server": (Failure(307, b""), "256 bits", "standby"),
}


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


def _keyring(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, bytes]:
    """A keyring that Vault made a key for, and what is in it."""
    path = folder / "keyring.yaml"
    with vault_server() as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        KeyringFile(path, VaultMasterKey("transit/pgveil")).init(["patient"], _DAY)
    return path, path.read_bytes()


def _told(raised: pytest.ExceptionInfo[SettingsFileError]) -> str:
    shown = "".join(traceback.format_exception(raised.value))
    return f"{raised.value.message} {raised.value.detail} {raised.value.hint} {shown}"


@pytest.mark.parametrize("failure", _FAILURES)
def test_a_vault_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str) -> None:
    """Reading, making and rotating say what to do, without Vault's token or words; no key is made, no file changed."""
    monkeypatch.setattr("proxy.tokens.vault._TIMEOUT_SECONDS", 0.2)
    path, before = _keyring(tmp_path, monkeypatch)
    how, why, hint = _FAILURES[failure]
    with vault_server(failing=how) as (address, asked):
        monkeypatch.setenv("VAULT_ADDR", address)
        opened, new = KeyringFile(path, VaultMasterKey("transit/pgveil")), tmp_path / "new.yaml"
        for wanted in (
            opened.read,
            lambda: opened.init(["patient", "acme"], _DAY),
            lambda: opened.rotate(["patient"], _DAY),
            lambda: KeyringFile(new, VaultMasterKey("transit/pgveil")).init(["patient"], _DAY),
        ):
            with pytest.raises(SettingsFileError, match=why) as raised:
                wanted()
            assert hint in str(raised.value.hint)
            assert TOKEN not in _told(raised)
            assert '"errors"' not in _told(raised)
        assert [call.rpartition("/")[0] for call in asked] == [
            *["/v1/transit/decrypt"] * 3,
            "/v1/transit/datakey/plaintext",
        ]
    assert path.read_bytes() == before
    assert not new.exists()


@pytest.mark.parametrize(
    ("name", "hint"), [("transit/another", "Vault has no key of this name"), ("other/pgveil", "no transit engine")]
)
def test_a_key_or_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    """The name in the settings is wrong, or what it names was deleted."""
    with vault_server() as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        for wanted in (VaultMasterKey(name).create, lambda: VaultMasterKey(name).open("vault:v1:MA==")):
            with pytest.raises(SettingsFileError, match=f"the key {name} ") as raised:
                wanted()
            assert hint in str(raised.value.hint)


def test_a_key_that_could_not_be_had_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key without its encrypted form would be lost with this process; and another key opens nothing."""
    path, before = _keyring(tmp_path, monkeypatch)
    alone = Failure(200, b'{"data": {"plaintext": "' + base64.b64encode(bytes(32)) + b'"}}')
    with vault_server(failing=alone) as (address, _):
        monkeypatch.setenv("VAULT_ADDR", address)
        with pytest.raises(SettingsFileError, match="not a key of 256 bits"):
            KeyringFile(tmp_path / "new.yaml", VaultMasterKey("transit/pgveil")).init(["patient"], _DAY)
        with pytest.raises(SettingsFileError, match="is not the one that this keyring was made with"):
            KeyringFile(path, VaultMasterKey("transit/pgveil")).init(["patient", "acme"], _DAY)
    assert path.read_bytes() == before
    assert not (tmp_path / "new.yaml").exists()


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("VAULT_TOKEN", "hvs.s\u20accret", "UnicodeEncodeError"),
        ("VAULT_TOKEN", "hvs.secret\nhvs.secret", "InvalidHeader"),
        ("VAULT_CACERT", "/nowhere/ca.pem", "OSError"),
        ("VAULT_ADDR", "hvs.secret", "MissingSchema"),
    ],
)
def test_an_environment_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    """The variable is named, and what it holds is not."""
    with vault_server() as (address, asked):
        monkeypatch.setenv("VAULT_ADDR", address if variable == "VAULT_TOKEN" else "https://127.0.0.1:9")
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsFileError, match=why) as raised:
            VaultMasterKey("transit/pgveil").create()
    assert not asked
    assert variable in str(raised.value.hint)
    assert "hvs." not in _told(raised)


def test_the_proxy_does_not_start_without_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear line and exit code 2, as for any file that does not load."""
    _, before = _keyring(tmp_path, monkeypatch)
    (tmp_path / "policy.yaml").write_text("version: 1\nroles: {analyst: {reads: [a.*]}}\n")
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    (tmp_path / "pgveil.yaml").write_text(_SETTINGS)
    with vault_server(failing=SEALED) as (address, _):
        ended = subprocess.run(
            [Path(sys.executable).with_name("pgveil"), "serve", "--config", "pgveil.yaml"],
            cwd=tmp_path, env=os.environ | {"VAULT_ADDR": address}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    said = " ".join(ended.stderr.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Vault did not give the key transit/pgveil (VaultDown)" in said
    assert "vault operator unseal" in said
    assert "Traceback" not in said
    assert TOKEN not in said
    assert (tmp_path / "keyring.yaml").read_bytes() == before


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
