"""The keyring file: made, rotated, retired, and refused where it is not as it was written."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import SettingsFileError
from proxy.tokens.keyring_file import KeyringFile
from proxy.tokens.master_key import FileMasterKey
from proxy.tokens.tokenizer import Tokenizer
from proxy.tokens.types import StoredType, TokenFormat, TokenType

_DAY = date(2026, 11, 22)
_TEXT = TokenType("patient", TokenFormat.TEXT, StoredType.TEXT)


def _file(folder: Path) -> KeyringFile:
    return KeyringFile(folder / "keyring.yaml", FileMasterKey(folder / "master.key"))


def _edit(folder: Path, change: Any) -> None:
    path = folder / "keyring.yaml"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_init_makes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    """A second run does nothing, a new domain gets a key, and those that are there keep theirs."""
    keyring = _file(tmp_path)
    first = keyring.init(["patient"], _DAY)
    assert [line.split()[0:2] for line in first] == [["made", "the"], ["made", "the"], ["made", "a"]]
    before, text = keyring.read(), keyring.path.read_text()
    assert keyring.init(["patient"], _DAY) == ()
    assert keyring.path.read_text() == text
    assert keyring.init(["patient", "acme"], _DAY) == ("made a key for the domain acme",)
    after = keyring.read()
    assert after.domains["patient"] == before.domains["patient"]
    assert after.domains["acme"].newest.secret != after.domains["patient"].newest.secret
    assert after.domains["acme"].newest.created == _DAY


def test_no_secret_is_readable_in_the_file(tmp_path: Path) -> None:
    """Neither a key nor the master key is in it, in any of the usual spellings, nor in a repr."""
    keyring = _file(tmp_path)
    keyring.init(["patient"], _DAY)
    keys = keyring.read()
    text = keyring.path.read_text()
    for secret in (keys.domains["patient"].lasting, keys.domains["patient"].newest.secret):
        assert secret.hex() not in text
        assert repr(secret) not in repr(keys.domains)
    assert (tmp_path / "master.key").read_text().strip() not in text
    assert repr(keys) == "Keyring()"


def test_rotation_adds_an_epoch(tmp_path: Path) -> None:
    """New tokens are of the new epoch, old ones are understood until theirs is retired, and versions differ."""
    keyring = _file(tmp_path)
    keyring.init(["patient", "acme"], _DAY)
    first = Tokenizer(keyring.read())
    (old,) = first.encode_cells(_TEXT, [b"MRN-1"], binary=False)
    assert keyring.rotate(["patient"], _DAY) == {"patient": 2}
    second = Tokenizer(keyring.read())
    (new,) = second.encode_cells(_TEXT, [b"MRN-1"], binary=False)
    assert old is not None
    assert new is not None
    assert new.startswith(b"patient_2_")
    assert second.decode_cell(_TEXT, old, binary=False) == b"MRN-1"
    keyring.retire("patient", 1)
    third = Tokenizer(keyring.read())
    assert third.value_of(_TEXT, old.decode()) is None
    assert third.value_of(_TEXT, new.decode()) == "MRN-1"
    assert len({first.version, second.version, third.version}) == 3
    assert keyring.read().domains["acme"].newest.epoch == 1


def test_what_cannot_be_rotated_or_retired(tmp_path: Path) -> None:
    """Unknown domains and epochs and the newest epoch are errors that change nothing."""
    keyring = _file(tmp_path)
    keyring.init(["patient"], _DAY)
    text = keyring.path.read_text()
    with pytest.raises(SettingsFileError, match="there is no domain acme"):
        keyring.rotate(["patient", "acme"], _DAY)
    with pytest.raises(SettingsFileError, match="is the newest"):
        keyring.retire("patient", 1)
    with pytest.raises(SettingsFileError, match="has no epoch 7"):
        keyring.retire("patient", 7)
    assert keyring.path.read_text() == text


def test_a_keyring_without_its_master_key(tmp_path: Path) -> None:
    """A lost master key is an error of its own, for reading and for every change, and no new one is made."""
    keyring = _file(tmp_path)
    keyring.init(["patient"], _DAY)
    (tmp_path / "master.key").unlink()
    for attempt in (keyring.read, lambda: keyring.init(["x"], _DAY), lambda: keyring.rotate(["patient"], _DAY)):
        with pytest.raises(SettingsFileError, match="master key is missing"):
            attempt()
    assert not (tmp_path / "master.key").exists()


def test_a_keyring_with_another_master_key(tmp_path: Path) -> None:
    """A wrong master key is told from a damaged file."""
    keyring = _file(tmp_path)
    keyring.init(["patient"], _DAY)
    (tmp_path / "master.key").write_text("cd" * 32)
    with pytest.raises(SettingsFileError, match="not the one that this keyring was made with"):
        keyring.read()


def test_no_keyring(tmp_path: Path) -> None:
    """A missing file is an error that says how to make it, and nothing is made."""
    with pytest.raises(SettingsFileError, match="there is no keyring") as raised:
        _file(tmp_path).read()
    assert "keys init" in (raised.value.hint or "")
    assert not list(tmp_path.iterdir())


def _swap(content: Any) -> None:
    one, two = (content["domains"][name]["epochs"][0] for name in ("acme", "patient"))
    one["key"], two["key"] = two["key"], one["key"]


@pytest.mark.parametrize(
    "change",
    [
        _swap,
        lambda c: c["domains"]["patient"]["epochs"].pop(),
        lambda c: c["domains"].pop("patient"),
        lambda c: c["domains"]["patient"]["epochs"][0].update(state="retired"),
        lambda c: c["domains"]["patient"]["epochs"][0].update(created="2020-01-01"),
        lambda c: c.pop("seal"),
        lambda c: c.update(domains=[]),
        lambda c: c.update(master_key=None),
        lambda c: c.update(seal=5),
        lambda c: c["master_key"].update(sealed="x"),
    ],
)
def test_an_edited_keyring_is_refused(tmp_path: Path, change: Any) -> None:
    """Keys moved, dropped or called otherwise by hand do not load."""
    keyring = _file(tmp_path)
    keyring.init(["patient", "acme"], _DAY)
    keyring.rotate(["patient"], _DAY)
    _edit(tmp_path, change)
    with pytest.raises(SettingsFileError, match="changed by something else"):
        keyring.read()


@pytest.mark.parametrize(
    ("text", "words"),
    [("", ":1: this is not"), ("{\n]", ":2: this is not"), ("[]", "version 1"), ('{"pgveil_keyring": 2}', "version 1")],
)
def test_what_is_no_keyring(tmp_path: Path, text: str, words: str) -> None:
    """Another file is told by its line or its version."""
    keyring = _file(tmp_path)
    keyring.path.write_text(text)
    keyring.path.chmod(0o600)
    with pytest.raises(SettingsFileError, match=words):
        keyring.read()
