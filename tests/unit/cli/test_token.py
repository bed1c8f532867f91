"""``pgveil token``: what it prints, and what it refuses."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from proxy.cli.token import lifetime, register
from proxy.errors import SettingsFileError
from proxy.identity.authenticator import Authenticator
from proxy.identity.local_issuer import LocalIssuer
from proxy.settings import load_settings

app = typer.Typer()
register(app)


@app.callback()
def root() -> None:
    """Makes the command a subcommand, as it is in the real application."""


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command; our own errors are raised."""
    result = CliRunner().invoke(app, ["token", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


async def test_token(tmp_path: Path) -> None:
    """The token alone is printed, and the issuer's settings let it in as asked for."""
    code, out, err = run("--init", tmp_path / "issuer")
    assert (code, out) == (0, "")
    assert "identity:" in err
    code, out, err = run(
        "--issuer-dir", tmp_path / "issuer", "--subject", "ada", "--role", "analyst", "--role", "clinician",
        "--purpose", "research", "--contract", "c-1", "--expires", "1h30m",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    settings = LocalIssuer.open(tmp_path / "issuer").settings()
    who = await Authenticator((settings,)).authenticate(out.strip(), "clinician")
    assert (who.name, who.role, who.purpose, who.contract) == ("ada", "clinician", "research", "c-1")
    assert abs(who.expires_at - settings.leeway_seconds - time.time() - 5400) < 5


def test_printed_settings_load(tmp_path: Path) -> None:
    """The settings that making an issuer prints are settings."""
    _, _, err = run("--init", tmp_path / "issuer", "--audience", "other")
    (tmp_path / "policy.yaml").write_text("")
    rest = f"upstream: {{host: localhost, user: u}}\npolicy: policy.yaml\naudit: {{journal: {tmp_path / 'j'}}}\n"
    (tmp_path / "pgveil.yaml").write_text(err[err.index("identity:") :] + rest)
    (issuer,) = load_settings(tmp_path / "pgveil.yaml").identity.issuers
    assert issuer == LocalIssuer.open(tmp_path / "issuer").settings()
    assert issuer.audience == "other"


async def test_audience(tmp_path: Path) -> None:
    """Another audience can be asked for."""
    issuer = LocalIssuer.create(tmp_path / "issuer")
    _, out, _ = run("--issuer-dir", tmp_path / "issuer", "--subject", "a", "--role", "r", "--audience", "x")
    other = issuer.settings().model_copy(update={"audience": "x"})
    assert (await Authenticator((other,)).authenticate(out.strip(), "r")).role == "r"


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("--subject", "a", "--role", "r"), ("--issuer-dir", "DIR", "--role", "r"),
        ("--issuer-dir", "DIR", "--subject", "a"), ("--issuer-dir", "DIR", "--subject", "", "--role", "r"),
        ("--issuer-dir", "DIR", "--subject", "a", "--role", ""), ("--init", "NEW", "--subject", "a"),
        ("--init", "NEW", "--issuer-dir", "DIR"), ("--issuer-dir", "DIR", "--subject", "a", "--role", "r", "extra"),
        ("--issuer-dir", "DIR", "--subject", "a", "--role", "r", "--expires", "soon"),
    ],
)  # fmt: skip
def test_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Missing and contradicting options are usage errors, and nothing is printed or made."""
    LocalIssuer.create(tmp_path / "DIR")
    places = {"DIR": tmp_path / "DIR", "NEW": tmp_path / "NEW"}
    code, out, err = run(*(places.get(a, a) for a in arguments))
    assert (code, out) == (2, "")
    assert err
    assert not (tmp_path / "NEW").exists()


def test_production_issuer_is_not_touched(tmp_path: Path) -> None:
    """A folder in the name of another issuer is refused, and so is one without the marker."""
    LocalIssuer.create(tmp_path)
    path = tmp_path / "issuer.json"
    made = json.loads(path.read_text())
    for change in ({"issuer": "https://idp.example"}, {"pgveil": None}):
        path.write_text(json.dumps(made | change))
        with pytest.raises(SettingsFileError):
            run("--issuer-dir", tmp_path, "--subject", "a", "--role", "r")


def test_existing_issuer_is_not_replaced(tmp_path: Path) -> None:
    """A folder that has an issuer already is left alone."""
    LocalIssuer.create(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(SettingsFileError, match="exists already"):
        run("--init", tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("8h", 28800), ("7d", 604800), ("1h30m", 5400), ("366d", 31622400)],
)
def test_lifetime(text: str, seconds: int) -> None:
    """Durations are read as people write them."""
    assert lifetime(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "-8h", "8h!", "x8h", "0s", "367d", "9999999999d", "1.5h", "8H"])
def test_no_lifetime(text: str) -> None:
    """Anything else, nothing at all and more than a year are refused."""
    with pytest.raises(typer.BadParameter):
        lifetime(text)
