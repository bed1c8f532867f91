"""The development issuer: what it writes, and what it will not touch."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.identity.authenticator import Authenticator
from proxy.identity.issuer import Algorithm
from proxy.identity.local_issuer import LOCAL_ISSUER, LocalIssuer, is_local_name


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.RS256, Algorithm.EDDSA])
async def test_opened_again(tmp_path: Path, algorithm: Algorithm) -> None:
    """A folder opened again signs tokens that its key set verifies."""
    made = LocalIssuer.create(tmp_path / "a" / "b", algorithm=algorithm, audience="other")
    again = LocalIssuer.open(tmp_path / "a" / "b")
    assert (again.issuer, again.audience, again.algorithm, again.key_id) == (
        LOCAL_ISSUER, "other", algorithm, made.key_id,
    )  # fmt: skip
    token = again.mint(subject="ada", roles=("analyst",), purpose="care", contract="c")
    who = await Authenticator((made.settings(),)).authenticate(token, "ada")
    assert (who.role, who.purpose, who.contract) == ("analyst", "care", "c")


def test_files(tmp_path: Path) -> None:
    """The private key is readable by its owner only, and the key set holds nothing private."""
    issuer = LocalIssuer.create(tmp_path / "issuer")
    assert stat.S_IMODE((tmp_path / "issuer" / "private.pem").stat().st_mode) == 0o600
    (key,) = json.loads((tmp_path / "issuer" / "jwks.json").read_text())["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert "PRIVATE" not in repr(issuer)
    assert "_key" not in repr(issuer)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that holds any of the files already is left as it is."""
    (tmp_path / "jwks.json").write_text("mine")
    with pytest.raises(SettingsFileError, match="exists already"):
        LocalIssuer.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["jwks.json"]


@pytest.mark.parametrize(
    ("name", "local"),
    [(LOCAL_ISSUER, True), ("urn:pgveil:local:demo", True), ("https://localhost", True), ("https://localhost/x", True),
     ("https://localhost:8443", True), ("https://localhost.example", False), ("https://idp.example", False),
     ("http://localhost", False), ("", False)],
)  # fmt: skip
def test_local_names(tmp_path: Path, name: str, local: bool) -> None:
    """Only names that no production issuer can have are signed for."""
    assert is_local_name(name) is local
    if not local:
        with pytest.raises(SettingsFileError, match="not a name for a local issuer"):
            LocalIssuer.create(tmp_path / "issuer", issuer=name)
        assert not (tmp_path / "issuer").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"issuer": "https://idp.example"}, "not a local issuer's name"), ({"issuer": None}, "not a local issuer's name"),
     ({"audience": 5}, "not a local issuer's name"), ({"pgveil": "production"}, "made only for"),
     ({"algorithm": "EdDSA"}, "does not fit"), ({"algorithm": "HS256"}, "does not fit")],
)  # fmt: skip
def test_changed_folder(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """A folder without the development marker, or in another issuer's name, is not signed with."""
    LocalIssuer.create(tmp_path)
    path = tmp_path / "issuer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SettingsFileError, match=words):
        LocalIssuer.open(tmp_path)


def test_damaged_folder(tmp_path: Path) -> None:
    """Missing and damaged files are named."""
    with pytest.raises(SettingsFileError, match=r"issuer\.json"):
        LocalIssuer.open(tmp_path)
    LocalIssuer.create(tmp_path)
    (tmp_path / "private.pem").write_text("no key")
    with pytest.raises(SettingsFileError, match=r"private\.pem: not a private key"):
        LocalIssuer.open(tmp_path)
    (tmp_path / "private.pem").unlink()
    with pytest.raises(SettingsFileError, match=r"private\.pem"):
        LocalIssuer.open(tmp_path)
    (tmp_path / "issuer.json").write_text("{")
    with pytest.raises(SettingsFileError, match="not JSON"):
        LocalIssuer.open(tmp_path)


def test_other_algorithms(tmp_path: Path) -> None:
    """Algorithms without a sensible default key are refused before anything is written."""
    with pytest.raises(SettingsFileError, match="ES256, RS256 or EdDSA"):
        LocalIssuer.create(tmp_path / "issuer", algorithm=Algorithm.PS256)
    assert not (tmp_path / "issuer").exists()
