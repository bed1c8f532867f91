"""The tools that people open in a browser: each in a virtual environment of its own, and its server while a test runs.

Owns: installing the pinned releases (``tools.FOLDER`` has them), and running a web server until the test ends. Must not
know: what the tools do. Invariant: a server that was started is gone in the end, with all that it started.

    python -m tests.clients.web_tools
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.clients.tools import FOLDER

NAMES: Final = ("pgadmin", "superset")
_HERE: Final = Path(__file__).parent
_START_S: Final = 180.0
_STOP_S: Final = 20.0


def program(tool: str, name: str) -> Path:
    """A program of a tool's virtual environment. Raises AssertionError where that was not made."""
    found = FOLDER / tool / "bin" / name
    assert found.exists(), f"there is no {found}: run `make browser`, or `python -m tests.clients.web_tools`"
    return found


def install() -> None:
    """Make the virtual environments. Raises CalledProcessError."""
    for tool in NAMES:
        # Their libraries are not ours, and pgveil's tests must not depend on them.
        subprocess.run([sys.executable, "-m", "venv", FOLDER / tool], check=True)
        pip = (FOLDER / tool / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run([*pip, "--requirement", _HERE / tool / "requirements.txt"], check=True)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_server(command: tuple[str | Path, ...], environment: Mapping[str, str], url: str, log: Path) -> Iterator[None]:
    """Run a web server until the block ends. Raises AssertionError, with its log, where ``url`` is not answered."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
        try:
            _wait_until_answering(server, url, log)
            yield
        finally:
            _end(server)


def _wait_until_answering(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - a server on this machine
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.25)
    raise AssertionError(f"{url} was not answered:\n{log.read_text(errors='replace')[-4000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and everything in its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, number)
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                continue


if __name__ == "__main__":
    install()
