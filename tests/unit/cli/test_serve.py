"""``pgveil serve``: files and addresses that cannot be used end it before it serves, in one clear line."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from proxy import cli

PGVEIL = Path(sys.executable).with_name("pgveil")
SETTINGS = """\
listen: {port: 0}
upstream: {host: /nowhere, user: pgveil, password: "${SECRET}"}
identity: {issuers: [{issuer: i, audience: a, jwks: jwks.json}]}
policy: policy.yaml
audit: {journal: journal.jsonl}
admin: {port: 0}
"""
KEYS = (
    '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA",'
    ' "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
)
CANARY = "canary-password"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which everything is as it should be."""
    (tmp_path / "policy.yaml").write_text("version: 1\nroles: {analyst: {reads: [a.*]}}\n")
    (tmp_path / "jwks.json").write_text(KEYS)
    (tmp_path / "pgveil.yaml").write_text(SETTINGS)
    return tmp_path


def serve(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``pgveil serve``, which must end by itself."""
    return subprocess.run(
        [PGVEIL, "serve", "--config", "pgveil.yaml", "--log-level", "error"],
        cwd=folder, env={"SECRET": CANARY}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.mark.parametrize(
    ("file", "changed", "to", "said"),
    [
        ("pgveil.yaml", "policy:", "polcy:", "pgveil.yaml:4: polcy: is not a setting (did you mean policy?)"),
        ("pgveil.yaml", "SECRET", "OTHER", "pgveil.yaml:2: upstream.password: the environment variable OTHER is not"),
        ("pgveil.yaml", "jwks.json", "none.json", "pgveil.yaml:3: identity.issuers[0].jwks: there is no file"),
        ("pgveil.yaml", "journal.jsonl", "no/j", "pgveil.yaml:5: audit.journal: cannot be written"),
        ("pgveil.yaml", "{port: 0}\nupstream", "{host: 0.0.0.0}\nupstream", "pgveil.yaml:1: listen: `tls` is required"),
        ("policy.yaml", "reads", "raeds", 'policy.yaml:2: unknown key "raeds"'),
        ("jwks.json", "{", "x", "issuer i: the key file "),
    ],
)
def test_files_that_do_not_load(folder: Path, file: str, changed: str, to: str, said: str) -> None:
    """Exit code 2, the place and the reason, nothing on standard output, no traceback, no secret."""
    path = folder / file
    path.write_text(path.read_text().replace(changed, to))
    ended = serve(folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert CANARY not in ended.stderr


@pytest.mark.parametrize("section", ["listen", "admin"])
def test_port_in_use(folder: Path, section: str) -> None:
    """A port that somebody else has is named with the section that asks for it."""
    with taken_port() as port:
        path = folder / "pgveil.yaml"
        path.write_text(path.read_text().replace(f"{section}: {{port: 0}}", f"{section}: {{port: {port}}}"))
        ended = serve(folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{section}: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("arguments", [[], ["--config", "x.yaml", "--log-level", "loud"]])
def test_usage(arguments: list[str]) -> None:
    """A command line that is not understood ends with 2 and says why."""
    result = CliRunner().invoke(cli.app, ["serve", *arguments])
    assert result.exit_code == 2
    assert "Error: " in result.stderr
