"""``/handles`` over HTTP, and the commands that list and end handles."""

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
from proxy.admin.handles import HandlesHandler
from proxy.admin.readiness import Readiness
from proxy.admin.server import AdminServer
from proxy.audit.journal import Journal
from proxy.errors import AuthenticationError
from proxy.handle_desk import HandleDesk
from proxy.metrics import Metrics
from proxy.watching import Watch
from tests.unit.identity.test_handles import Bench


class Office:
    """An admin port with the desk, and what the desk writes down."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.metrics = Metrics()
        self.journal_file = folder / "journal.jsonl"
        self.journal = Journal(self.journal_file)
        watch = Watch(self.journal, self.metrics)
        self.desk = HandleDesk(self.bench.door, self.bench.handles, watch, clock=self.bench.clock)
        readiness = Readiness(journal_writable=lambda: True)
        self.server = AdminServer("127.0.0.1", 0, self.metrics, readiness, HandlesHandler(self.desk).routes())

    def token(self, subject: str = "ada") -> str:
        """A good token."""
        return self.bench.issuer.mint(subject=subject, roles=("analyst",))

    async def ask(self, method: str, credential: str | None, body: object = None) -> tuple[int, Any]:
        """Status and content of the answer."""
        headers = {"Authorization": f"Bearer {credential}"} if credential is not None else {}
        url = f"http://127.0.0.1:{self.server.port}/handles"
        data = json.dumps(body) if body is not None else None
        async with aiohttp.ClientSession() as client, client.request(method, url, headers=headers, data=data) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.status, await answer.json()

    def records(self) -> list[dict[str, Any]]:
        """The journal's."""
        return [json.loads(line) for line in self.journal_file.read_text().splitlines()]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """An office that is open."""
    made = Office(tmp_path)
    await made.server.start()
    yield made
    await made.server.stop()
    await made.bench.handles.close()
    made.journal.close()


async def test_a_handle_for_a_token(office: Office) -> None:
    """A valid token gets a handle that opens a login; it is on the record without the handle itself."""
    status, content = await office.ask("POST", office.token(), {"lifetime_seconds": 600})
    assert status == 201
    who = await office.bench.door.authenticate(content["handle"], "analyst")
    assert (who.name, who.handle) == ("ada", content["id"])
    (record,) = office.records()
    assert (record["type"], record["event"], record["handle"], record["principal"]) == (
        "handle", "issued", content["id"], "ada",
    )  # fmt: skip
    assert record["expires"] == content["expires"]
    assert content["handle"] not in office.journal_file.read_text()
    assert b'pgveil_handles_total{event="issued"} 1.0' in office.metrics.exposition()


async def test_who_gets_none(office: Office) -> None:
    """No token, a wrong one, and a handle get none; nor does a body that is not understood."""
    _, content = await office.ask("POST", office.token())
    for credential in (None, "", "a.b.c", office.token()[:-4] + "AAAA", content["handle"]):
        status, refused = await office.ask("POST", credential)
        assert status == 401
        assert set(refused) == {"error", "detail", "hint"}
    bodies: list[object] = [
        [],
        {"lifetime_seconds": "1"},
        {"lifetime_seconds": -1},
        {"lifetime_seconds": True},
        {"more": 1},
    ]
    for body in bodies:
        assert (await office.ask("POST", office.token(), body))[0] == 400


async def test_the_holder_ends_it(office: Office) -> None:
    """With the handle its holder ends it, with the token the person ends all; others' stay, and each is recorded."""
    handles = [(await office.ask("POST", office.token()))[1]["handle"] for _ in range(3)]
    other = (await office.ask("POST", office.token("bob")))[1]["handle"]
    assert await office.ask("DELETE", handles[0]) == (200, {"revoked": 1})
    assert await office.ask("DELETE", handles[0]) == (200, {"revoked": 0})
    with pytest.raises(AuthenticationError):
        await office.bench.door.authenticate(handles[0], "analyst")
    assert await office.ask("DELETE", office.token()) == (200, {"revoked": 2})
    assert (await office.ask("DELETE", "a.b.c"))[0] == 401
    await office.bench.door.authenticate(other, "analyst")
    assert [r["event"] for r in office.records()] == ["issued"] * 4 + ["revoked"] * 3
    assert b'pgveil_handles_total{event="revoked"} 3.0' in office.metrics.exposition()


async def test_limits(office: Office) -> None:
    """Too many at once and too many in a minute are refused, each with the time to wait."""
    for _ in range(5):
        assert (await office.ask("POST", office.token()))[0] == 201
    status, content = await office.ask("POST", office.token())
    assert (status, content["error"]) == (429, "too many handles are in use")
    for _ in range(24):
        await office.ask("POST", office.token())
    status, content = await office.ask("POST", office.token())
    assert (status, content["error"]) == (429, "too many handles in a minute")


async def test_without_a_journal_there_are_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle whose record cannot be written is not given, and does not stay."""

    def full(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(office.journal, "_write", full)
    status, content = await office.ask("POST", office.token())
    assert status == 503
    assert "handle" not in content
    assert await office.bench.handles._store.live(office.bench.clock.now) == []


def settings_file(office: Office) -> Path:
    """Settings with this office's store and journal."""
    folder = office.bench.folder
    (folder / "policy.yaml").write_text("version: 1\n")
    path = folder / "pgveil.yaml"
    path.write_text(
        "upstream: {host: /tmp, user: pgveil}\npolicy: policy.yaml\naudit: {journal: journal.jsonl}\n"
        "identity: {issuers: [{issuer: 'urn:pgveil:local', audience: pgveil, jwks: issuer/jwks.json}]}\n"
        "handles: {store: handles.sqlite}\n"
    )
    return path


async def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of ``pgveil handles``."""
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, ["handles", *arguments])
    return result.exit_code, result.output


async def test_the_commands(office: Office) -> None:
    """The list shows whose they are and no handle; revoking ends them at once and is recorded."""
    config = str(settings_file(office))
    given = [(await office.ask("POST", office.token(subject)))[1] for subject in ("ada", "ada", "bob")]
    code, text = await run("list", "--config", config)
    assert code == 0
    assert all(one["id"] in text and one["handle"] not in text for one in given)
    assert (await run("revoke", "--config", config, given[0]["id"]))[0] == 0
    code, text = await run("revoke", "--config", config, given[0]["id"])
    assert (code, "there is no handle" in text) == (1, True)
    assert (await run("revoke", "--config", config, "--principal", "bob"))[0] == 0
    assert (await run("revoke", "--config", config, "--principal", "bob"))[0] == 1
    assert (await run("revoke", "--config", config))[0] == 2
    for gone in (given[0], given[2]):
        with pytest.raises(AuthenticationError):
            await office.bench.door.authenticate(gone["handle"], "analyst")
    await office.bench.door.authenticate(given[1]["handle"], "analyst")
    ended = [r["handle"] for r in office.records() if r["event"] == "revoked"]
    assert ended == [given[0]["id"], given[2]["id"]]
