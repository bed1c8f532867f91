"""``pgveil keys``: what its commands make, say and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from proxy import cli
from proxy.errors import SettingsFileError

_POLICY = "version: 1\ndomains: {patient: {}, acme: {}}\nkinds: {mrn: {mask: {token: {domain: patient}}}}\n"


def run(*arguments: str | Path, answer: str | None = None) -> tuple[int, str]:
    """Exit code and output of the command; our own errors are raised."""
    result = CliRunner().invoke(cli.app, ["keys", *map(str, arguments)], input=answer, env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with a keyring that does not exist."""
    (tmp_path / "policy.yaml").write_text(_POLICY)
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    settings = tmp_path / "pgveil.yaml"
    settings.write_text(
        "upstream: {host: localhost, user: pgveil}\n"
        "identity: {issuers: [{issuer: i, audience: a, jwks: jwks.json}]}\n"
        "policy: policy.yaml\naudit: {journal: journal.jsonl}\n"
        "keyring: {file: keyring.yaml, master_key: 'file:master.key'}\n"
    )
    return settings


def test_init(config: Path) -> None:
    """The first run says what it made, the second that nothing is missing."""
    folder = config.parent
    code, out = run("init", "--config", config)
    assert code == 0
    assert out.splitlines() == [
        f"made the master key {folder / 'master.key'}",
        f"made the keyring {folder / 'keyring.yaml'}",
        "made a key for the domain acme",
        "made a key for the domain patient",
        "Keep a copy of the keyring and of its master key, apart: tokens cannot be read without both.",
    ]
    assert run("init", "--config", config) == (0, f"{folder / 'keyring.yaml'}: nothing is missing\n")


def test_rotate_list_and_retire(config: Path) -> None:
    """A rotation is seen in the list; retiring asks, takes no for an answer, and leaves the newest alone."""
    run("init", "--config", config)
    code, out = run("rotate", "patient", "--config", config)
    assert (code, out.splitlines()[0]) == (0, "patient: new tokens are of epoch 2")
    assert "digits and uuid" in out
    assert "SIGHUP" in out
    assert run("retire", "patient", "1", "--config", config, answer="n\n")[0] == 1
    assert _rows(config) == [["acme", "1", "newest"], ["patient", "1", "live"], ["patient", "2", "newest"]]
    assert run("retire", "patient", "1", "--config", config, answer="y\n")[0] == 0
    assert _rows(config)[1] == ["patient", "1", "retired"]
    with pytest.raises(SettingsFileError, match="is the newest"):
        run("retire", "patient", "2", "--yes", "--config", config)
    assert run("rotate", "--all", "--config", config)[0] == 0
    assert [row[:2] for row in _rows(config)] == [
        ["acme", "1"], ["acme", "2"], ["patient", "1"], ["patient", "2"], ["patient", "3"],
    ]  # fmt: skip


def _rows(config: Path) -> list[list[str]]:
    code, out = run("list", "--config", config)
    assert code == 0
    return [[cell.strip() for cell in line.split("│")[:3]] for line in out.splitlines()[2:] if "│" in line]


def test_list_tells_what_the_policy_misses(config: Path) -> None:
    """A domain that the policy uses and the keyring lacks ends the list with 1."""
    run("init", "--config", config)
    config.with_name("policy.yaml").write_text(_POLICY.replace("patient", "other"))
    code, out = run("list", "--config", config)
    assert code == 1
    assert "no key for the domain other" in out


@pytest.mark.parametrize(
    "arguments", [["rotate"], ["rotate", "patient", "--all"], ["retire", "patient"], ["init", "x"]]
)
def test_usage(config: Path, arguments: list[str]) -> None:
    """What is missing or contradicts itself is usage."""
    run("init", "--config", config)
    assert run(*arguments, "--config", config)[0] == 2


def test_without_a_keyring(config: Path) -> None:
    """Settings that name none are an error that shows how to; a missing file one that says how to make it."""
    with pytest.raises(SettingsFileError, match="there is no keyring"):
        run("list", "--config", config)
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "keyring" not in line))
    with pytest.raises(SettingsFileError, match="the settings name none"):
        run("init", "--config", config)
