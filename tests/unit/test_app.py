"""What the whole proxy refuses to start with."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from proxy.app import load_tokenizer
from proxy.errors import SettingsFileError
from proxy.policy.load import load_policy
from proxy.tokens.keyring_file import KeyringFile
from proxy.tokens.master_key import FileMasterKey

SHIFTED = (
    "version: 1\ndomains: {patient: {}}\nkinds: {born: {mask: {shift: {by: id, within_days: 9, domain: patient}}}}\n"
)


def test_keys_that_a_policy_needs(tmp_path: Path) -> None:
    """Start fails where the settings name no keyring, where there is none, and where it lacks a domain."""
    path = tmp_path / "policy.yaml"
    path.write_text(SHIFTED)
    policy = load_policy(path)
    with pytest.raises(SettingsFileError, match="the settings name no keyring"):
        load_tokenizer(None, policy)
    keyring = KeyringFile(tmp_path / "keyring.yaml", FileMasterKey(tmp_path / "master.key"))
    with pytest.raises(SettingsFileError, match="there is no keyring"):
        load_tokenizer(keyring, policy)
    keyring.init(["acme"], date(2026, 11, 22))
    with pytest.raises(SettingsFileError, match="no key for the domain patient"):
        load_tokenizer(keyring, policy)
    keyring.init(["patient"], date(2026, 11, 22))
    tokenizer = load_tokenizer(keyring, policy)
    assert tokenizer is not None
    assert len(tokenizer.shift_secret("patient")) == 64


def test_a_policy_without_keys_needs_none(tmp_path: Path) -> None:
    """Neither a keyring nor the settings for one."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\n")
    assert load_tokenizer(None, load_policy(path)) is None
