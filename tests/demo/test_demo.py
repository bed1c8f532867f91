"""``pgveil demo`` as a user runs it: a process, its output, and nothing left when it has ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from proxy.demo.comparison import ROLES, SCENES, WIDTH
from tests.support.postgres import Clinic

COMMAND = (sys.executable, "-c", "from proxy.cli import main; main()", "demo", "--patients", "60")
SSN = re.compile(r"9\d\d-4\d-\d{4}")


@pytest.fixture
def temporary(clinic: Clinic) -> Iterator[Path]:
    """A folder for temporary files that must be empty afterwards (short, since a socket lives in it)."""
    assert clinic.server.folder.exists()
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
        assert list(path.iterdir()) == []


def environment(temporary: Path) -> dict[str, str]:
    """Ours, with another folder for temporary files and no terminal."""
    return os.environ | {"TMPDIR": str(temporary), "TERM": "dumb", "COLUMNS": "80"}


@contextmanager
def running(temporary: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo, up to the line that says how to end it, and what it printed so far."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(temporary),
    ) as process:
        try:
            assert process.stdout is not None
            printed = []
            for line in process.stdout:
                printed.append(line)
                if "Ctrl-C" in line:
                    break
            yield process, "".join(printed)
        finally:
            if process.poll() is None:
                process.kill()


def test_once_prints_the_comparison(temporary: Path) -> None:
    """The three answers stand side by side within 120 columns, masked for two roles, and the exit code is 0."""
    done = subprocess.run(
        [*COMMAND, "--once"], capture_output=True, text=True, check=False, timeout=100, env=environment(temporary)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= WIDTH
    assert any(all(role in line for role in SCENES[0].roles) for line in lines)
    ada = next(line for line in lines if "901-42-0042" in line)
    assert ada.count("***-**-0042") >= 1
    assert all(len(SSN.findall(line)) <= 1 for line in lines)
    assert "eyJ" not in done.stdout


def test_once_shows_tokens(temporary: Path) -> None:
    """A token that joins encounters and claims finds its patient again, for the analyst alone; a partner has others."""
    done = subprocess.run(
        [*COMMAND, "--once"], capture_output=True, text=True, check=False, timeout=100, env=environment(temporary)
    )
    found = re.search(r"WHERE mrn = '(patient_1_[a-z2-7]+)'", done.stdout)
    assert found is not None
    joined, filtered = done.stdout[: found.start()], done.stdout[found.start() :]
    assert found[1] in joined
    assert "MRN-" not in filtered
    assert set(re.findall(r"(\w+)_1_[a-z2-7]{40,}", filtered)) == {"patient", "acme"}


def test_the_printed_strings_work(temporary: Path, tmp_path: Path) -> None:
    """Each role's strings connect as pasted; metrics and journal are where it says; Ctrl-C ends it with exit code 0."""
    folder = tmp_path / "kept"
    with running(temporary, "--dir", str(folder), "--port", "0") as (process, printed):
        for role in ROLES:
            found = re.search(
                rf"(postgresql)\+psycopg(://{role}:[\w.-]+@127\.0\.0\.1:\d+/clinic)$", printed, re.MULTILINE
            )
            assert found is not None
            with psycopg.connect(found[1] + found[2]) as connection:
                row = connection.execute("SELECT ssn FROM clinic.patients WHERE patient_id = 42").fetchone()
            assert row is not None
            assert (row[0] == "901-42-0042") is (role == "clinician")
            assert re.search(
                rf"PGPASSWORD='[\w.-]+' psql -h 127\.0\.0\.1 -p \d+ -U {role} clinic$", printed, re.MULTILINE
            )
            assert re.search(
                rf"jdbc:postgresql://127\.0\.0\.1:\d+/clinic\?user={role}&password=[\w.-]+$", printed, re.MULTILINE
            )
        metrics = re.search(r"http://127\.0\.0\.1:\d+/metrics", printed)
        assert metrics is not None
        with urllib.request.urlopen(metrics[0], timeout=10) as answer:  # noqa: S310 - our own address
            assert b"pgveil_sessions" in answer.read()
        assert str(folder / "journal.jsonl") in printed
        assert "901-42-0042" not in (folder / "journal.jsonl").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert {path.name for path in folder.iterdir()} == {
        ".keyring.yaml.lock", "issuer", "journal.jsonl", "keyring.yaml", "master.key", "pgveil.log", "pgveil.yaml",
    }  # fmt: skip


def test_a_signal_while_loading_ends_it(temporary: Path) -> None:
    """Stopped before there is anything to see, it ends in silence and leaves nothing."""
    with subprocess.Popen(
        [*COMMAND, "--patients", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(temporary),
    ) as process:
        assert process.stdout is not None
        while not any(temporary.glob("pgveil-demo-*/issuer/issuer.json")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert "Traceback" not in errors
        assert process.returncode == 130


def test_mistakes_are_usage_errors(temporary: Path) -> None:
    """A version that is not there, too few patients and a policy that is missing each end with exit code 2."""
    for arguments in (("--postgres-version", "17"), ("--patients", "0"), ("--policy", "/nowhere")):
        done = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, env=environment(temporary)
        )
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
