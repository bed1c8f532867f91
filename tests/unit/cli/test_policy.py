"""``pgveil policy``: what its commands say and how they end, without a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proxy import cli
from proxy.cli import policy as commands
from proxy.settings import Settings
from tests.support.small_clinic import POLICY, SNAPSHOT


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command; our own errors are raised."""
    result = CliRunner().invoke(cli.app, ["policy", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings for the small clinic, whose catalog is known without a server."""

    async def read(_: Settings, database: str) -> object:
        assert database == "clinic"
        return SNAPSHOT

    monkeypatch.setattr(commands, "read_catalog", read)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    settings = tmp_path / "pgveil.yaml"
    settings.write_text(
        "upstream: {host: localhost, user: pgveil, databases: [clinic]}\n"
        "identity: {issuers: [{issuer: i, audience: a, jwks: jwks.json}]}\n"
        "policy: policy.yaml\naudit: {journal: journal.jsonl}\n"
    )
    return settings


def test_check(config: Path) -> None:
    """A policy that loads and fits ends with 0, and says what each role sees."""
    code, out, _ = run("check", "--config", config)
    assert code == 0
    assert "database clinic" in out
    assert out.rstrip().endswith("policy.yaml: fine")


def test_check_of_a_file(config: Path) -> None:
    """A policy can be checked without settings."""
    code, out, _ = run("check", config.with_name("policy.yaml"))
    assert (code, out.splitlines()[-1]) == (0, f"{config.with_name('policy.yaml')}: fine")


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ("sex: clear", "sexx: clear", "policy.yaml:9: tables.clinic.patients.columns: the column sex has no kind"),
        ("mask: nullify", "mask: nulify", 'policy.yaml:5: kinds.ssn.mask: unknown mask "nulify"'),
        ("version: 1", "version: [", "policy.yaml:"),
        ("clinic.visits: {columns", "clinic.visit: {columns", "policy.yaml:10: tables.clinic.visit: the database has"),
    ],
)
def test_check_with_problems(config: Path, changed: str, to: str, said: str) -> None:
    """Whatever is found in a policy is a line with file and line number, and exit code 1."""
    config.with_name("policy.yaml").write_text(POLICY.replace(changed, to))
    code, out, _ = run("check", "--config", config)
    assert code == 1
    assert said in out
    assert "fine" not in out


@pytest.mark.parametrize("arguments", [("check",), ("check", "x.yaml", "--database", "d"), ("explain", "SELECT 1")])
def test_usage(arguments: tuple[str, ...]) -> None:
    """A command that lacks what it needs ends with 2 and says what."""
    code, _, err = run(*arguments)
    assert code == 2
    assert "Error: " in err


def test_explain(config: Path) -> None:
    """Each output has its column, mask and rule, and the SQL that would go upstream is shown."""
    code, out, _ = run("explain", "-c", config, "-r", "analyst", "SELECT id, upper(last_name) FROM clinic.patients")
    assert code == 0
    assert out.startswith("decision: rewritten\nrelations: clinic.patients\n")
    assert "computed from clinic.patients.last_name" in out
    assert "kinds.name (policy.yaml:6)" in out
    assert 'FROM (SELECT "id"' in out


def test_explain_of_what_passes(config: Path) -> None:
    """A statement on clear relations goes upstream as it is."""
    code, out, _ = run("explain", "-c", config, "-r", "clerk", "select  total from sales.orders")
    assert code == 0
    assert out.startswith("decision: passed\n")
    assert out.endswith("SQL sent upstream:\nselect  total from sales.orders\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT note FROM clinic.patients", "decision: refused (42501"),
        ("EXPLAIN SELECT ssn FROM clinic.patients", "decision: refused (0A000"),
        ("SELEC 1", "decision: refused (42601"),
    ],
)
def test_explain_of_a_refusal(config: Path, statement: str, said: str) -> None:
    """A refusal is shown with its code and reason, and the exit code is 1."""
    code, out, _ = run("explain", "-c", config, "-r", "analyst", statement)
    assert (code, out[: len(said)]) == (1, said)


@pytest.mark.parametrize(
    ("role", "statement", "said"),
    [
        ("ghost", "SELECT 1", "the policy has no role ghost"),
        ("analyst", " ; ", "there is no statement"),
        ("analyst", "SELECT 1; SELECT 2", "give one statement"),
    ],
)
def test_explain_of_nothing(config: Path, role: str, statement: str, said: str) -> None:
    """A role that is not there, and anything but one statement, is a mistake of usage."""
    code, _, err = run("explain", "-c", config, "-r", role, statement)
    assert code == 2
    assert said in err


def test_schema() -> None:
    """The JSON Schema is JSON."""
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["type"] == "object"


SHIFTED = """\
version: 1
domains: {patient: {}}
kinds:
  born: {mask: {shift: {by: patient_id, within_days: 9, domain: patient}}}
"""


def test_check_tells_what_the_keyring_lacks(config: Path) -> None:
    """With settings, a policy that needs keys is checked against the keyring too; without, it is fine."""
    config.with_name("shifted.yaml").write_text(SHIFTED)
    assert run("check", config.with_name("shifted.yaml"))[0] == 0
    config.write_text(config.read_text().replace("policy.yaml", "shifted.yaml").replace(", databases: [clinic]", ""))
    code, out, _ = run("check", "--config", config)
    assert (code, "the settings name no keyring" in out) == (1, True)
    config.write_text(config.read_text() + "keyring: {file: keyring.yaml, master_key: 'file:master.key'}\n")
    code, out, _ = run("check", "--config", config)
    assert (code, "there is no keyring" in out) == (1, True)
