"""``POST /detokenize`` and the command that asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from proxy import cli
from proxy.admin.detokenization import DetokenizationHandler
from proxy.admin.readiness import Readiness
from proxy.admin.server import AdminServer
from proxy.errors import AuthenticationError, ProxyError
from proxy.identity.principal import Principal
from proxy.metrics import Metrics
from tests.unit.test_detokenizing import Bench, token


async def _authenticate(jwt: str, role: str) -> Principal:
    if jwt != "a.b.c":
        raise AuthenticationError("password authentication failed", detail="The password is not a token (JWT).")
    return Principal("ada", role, role, "https://idp.example", 1e12)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AdminServer]:
    """An admin port where the auditor may turn back tokens of one domain, 1,000 a minute."""
    handler = DetokenizationHandler(_authenticate, Bench(tmp_path, per_minute=1000).detokenizer)
    server = AdminServer("127.0.0.1", 0, Metrics(), Readiness(journal_writable=lambda: True), handler.routes())
    await server.start()
    yield server
    await server.stop()


async def post(server: AdminServer, jwt: str | None = "a.b.c", **changes: object) -> tuple[int, Any, Any]:
    """Status, content and headers of an answer."""
    question = {"role": "auditor", "domain": "patient", "reason": "audit", "tokens": [token("MRN-1")]} | changes
    headers = {"Authorization": f"Bearer {jwt}"} if jwt is not None else {}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"http://127.0.0.1:{server.port}/detokenize", json=question, headers=headers) as answer,
    ):
        return answer.status, await answer.json(), answer.headers


async def test_values(server: AdminServer) -> None:
    """Values come in the order of the tokens, and are not to be cached."""
    status, content, headers = await post(server, tokens=[token("MRN-1"), "none"])
    assert (status, content) == (200, {"values": ["MRN-1", None]})
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"jwt": None}, 401),
        ({"jwt": "x"}, 401),
        ({"role": "clerk"}, 403),
        ({"domain": "acme"}, 403),
        ({"reason": ""}, 400),
        ({"tokens": []}, 400),
        ({"tokens": "x"}, 400),
        ({"tokens": [1]}, 400),
        ({"format": "words"}, 400),
        ({"format": ["text"]}, 400),
        ({"format": {}}, 400),
        ({"reason": "\ud800"}, 400),
        ({"role": "\ud800"}, 403),
        ({"reason": None}, 400),
        ({"more": 1}, 400),
    ],
)
async def test_refusals(server: AdminServer, changes: dict[str, Any], status: int) -> None:
    """Each has its status, and says why without a token or value."""
    found, content, _ = await post(server, **changes)
    assert found == status
    assert set(content) == {"error", "detail", "hint"}
    assert "MRN" not in json.dumps(content)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 200_000, "application/json"),
        (b'{"tokens":' * 50_000, "application/json"),
        (b"{}", "application/json; charset=nonsense"),
    ],
)
async def test_bodies_that_are_no_json(server: AdminServer, body: bytes, media_type: str) -> None:
    """Whatever is sent, also by those who have shown no token yet, is a bad request and no failure of ours."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(
            f"http://127.0.0.1:{server.port}/detokenize", data=body, headers={"Content-Type": media_type}
        ) as answer,
    ):
        assert answer.status == 400
        assert set(await answer.json()) == {"error", "detail", "hint"}


async def test_too_many(server: AdminServer) -> None:
    """The allowance spent, the answer says how long to wait."""
    assert (await post(server, tokens=["x"] * 1000))[0] == 200
    status, _, headers = await post(server, tokens=["x"] * 100)
    assert status == 429
    assert 6 <= int(headers["Retry-After"]) <= 9


async def test_a_server_without_keys(server: AdminServer) -> None:
    """Where nothing can be turned back the path does not exist."""
    plain = AdminServer("127.0.0.1", 0, Metrics(), Readiness(journal_writable=lambda: True))
    await plain.start()
    async with aiohttp.ClientSession() as client, client.post(f"http://127.0.0.1:{plain.port}/detokenize") as answer:
        assert answer.status == 404
    await plain.stop()


async def run(server: AdminServer, *arguments: str | Path, jwt: str = "a.b.c") -> tuple[int, str]:
    """Exit code and output of the command; our own errors are raised."""
    known = ["--server", f"http://127.0.0.1:{server.port}", "--role", "auditor", "--domain", "patient"]
    line = ["detokenize", *known, "--reason", "audit", *map(str, arguments)]
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, line, env={"PGVEIL_TOKEN": jwt})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


async def test_the_command(server: AdminServer) -> None:
    """Tokens given become lines of values; what is none is an empty line, and ends with 1."""
    assert await run(server, token("MRN-1"), token("MRN-2")) == (0, "MRN-1\nMRN-2\n")
    assert await run(server, token("MRN-1"), "none") == (1, "MRN-1\n\n")


async def test_a_column_of_a_file(server: AdminServer, tmp_path: Path) -> None:
    """One column is turned back, all else stays, and only the owner can read the new file."""
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(f'id,mrn,note\n1,{token("MRN-1")},"a, b"\n2,,\n3,none,x\n')
    arguments = ("--csv", source, "--column", "mrn", "--output", output)
    assert (await run(server, *arguments))[0] == 1
    assert output.read_text().splitlines() == ["id,mrn,note", '1,MRN-1,"a, b"', "2,,", "3,none,x"]
    assert output.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ProxyError, match="File exists"):
        await run(server, *arguments)
    with pytest.raises(ProxyError, match="no column ssn"):
        await run(server, "--csv", source, "--column", "ssn", "--output", output)


async def test_what_the_command_refuses(server: AdminServer, tmp_path: Path) -> None:
    """The proxy's own words are shown; usage and a missing token end with 2."""
    with pytest.raises(ProxyError, match="password authentication failed"):
        await run(server, "x", jwt="x")
    for arguments in ([], ["x", "--csv", "f"], ["--csv", "f"], ["x", "--column", "c"]):
        assert (await run(server, *arguments))[0] == 2
    assert (await run(server, "x", jwt=""))[0] == 2
    with pytest.raises(ProxyError, match="does not answer"):
        await run(server, "x", "--server", "http://127.0.0.1:9")
