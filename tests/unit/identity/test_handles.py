"""Handles: what they open, for how long, and what of them can be found anywhere."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.errors import AuthenticationError, SettingsFileError
from proxy.identity.authenticator import Authenticator
from proxy.identity.handle_file import HandleFile
from proxy.identity.handle_store import HandlesUnavailableError
from proxy.identity.handles import Handles, Issued, is_handle
from proxy.identity.local_issuer import LocalIssuer


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Bench:
    """A local issuer, its authenticator and the handles of one host."""

    def __init__(self, folder: Path, *, most: int = 5, max_lifetime: float = 3600) -> None:
        self.clock = Clock()
        self.path = folder / "handles.sqlite"
        self.folder = folder
        self.issuer = LocalIssuer.create(folder / "issuer")
        self.max_lifetime = max_lifetime
        self.most = most
        self.handles = self.open()
        self.door = Authenticator((self.issuer.settings(),), handles=self.handles, clock=self.clock)

    def open(self) -> Handles:
        """The handles as another process would open them."""
        return Handles(
            HandleFile(self.path),
            max_lifetime=self.max_lifetime,
            max_per_principal=self.most,
            clock=self.clock,
        )

    async def issue(self, *roles: str, subject: str = "ada", lifetime: float | None = None) -> Issued:
        """A handle for a fresh token."""
        verified = await self.door.verify(self.issuer.mint(subject=subject, roles=roles or ("analyst",)))
        issued = await self.handles.issue(verified.identity, verified.signing_key, lifetime)
        assert issued is not None
        return issued

    async def refusal(self, handle: str, user: str = "analyst") -> str:
        """The DETAIL of a refused login, which says nothing of the handle."""
        with pytest.raises(AuthenticationError) as caught:
            await self.door.authenticate(handle, user)
        assert caught.value.__context__ is None
        assert handle not in repr(caught.value) + str(caught.value.detail)
        return str(caught.value.detail)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Handles of at most an hour, five a person."""
    made = Bench(tmp_path)
    yield made
    await made.handles.close()


async def test_a_handle_is_short_and_stands_for_its_token(bench: Bench) -> None:
    """It has at most 250 plain characters, and opens what the token does: role by user, name, its own expiry."""
    issued = await bench.issue("analyst", "billing")
    assert len(issued.handle) <= 250
    assert issued.handle.isascii()
    assert is_handle(issued.handle)
    who = await bench.door.authenticate(issued.handle, "billing")
    assert (who.name, who.user, who.role, who.handle) == ("ada", "billing", "billing", issued.stored.handle_id)
    assert who.expires_at == pytest.approx(bench.clock.now + 3600)
    assert "does not allow this user name" in await bench.refusal(issued.handle, "clinician")


async def test_a_handle_lives_no_longer_than_its_token(tmp_path: Path) -> None:
    """The token's end is its end, whatever the settings and the asker say."""
    bench = Bench(tmp_path, max_lifetime=1e9)
    verified = await bench.door.verify(bench.issuer.mint(subject="ada", roles=("analyst",)))
    issued = await bench.handles.issue(verified.identity, verified.signing_key, 1e9)
    assert issued is not None
    assert issued.stored.identity.expires_at == verified.identity.expires_at
    bench.clock.now = verified.identity.expires_at - 1
    await bench.door.authenticate(issued.handle, "analyst")
    bench.clock.now += 1
    assert "has expired" in await bench.refusal(issued.handle)
    await bench.handles.close()


async def test_shorter_lives(bench: Bench) -> None:
    """The asker can have less time, and not more."""
    assert (await bench.issue(lifetime=60)).stored.identity.expires_at == pytest.approx(bench.clock.now + 60)
    assert (await bench.issue(lifetime=1e9)).stored.identity.expires_at == pytest.approx(bench.clock.now + 3600)


@pytest.mark.parametrize("change", ["", "x", "\n", "é", "A" * 300])
async def test_what_is_no_handle(bench: Bench, change: str) -> None:
    """Anything else with the prefix is refused as an unknown handle, also what differs by one sign."""
    issued = await bench.issue()
    wrong = issued.handle[:-1] + ("A" if issued.handle[-1] != "A" else "B") if not change else issued.handle + change
    assert "unknown" in await bench.refusal(wrong)
    assert "unknown" in await bench.refusal("pgv1_")


async def test_revoked_in_every_process(bench: Bench) -> None:
    """A handle that one process ends is refused by the others at once."""
    first, second, other = await bench.issue(), await bench.issue(), await bench.issue(subject="bob")
    elsewhere = bench.open()
    ended = await elsewhere.revoke(first.stored.handle_id)
    assert ended is not None
    assert await elsewhere.revoke(first.stored.handle_id) is None
    assert "revoked" in await bench.refusal(first.handle)
    await bench.door.authenticate(second.handle, "analyst")
    assert len(await elsewhere.revoke_all(second.stored.identity)) == 1
    assert "revoked" in await bench.refusal(second.handle)
    await bench.door.authenticate(other.handle, "analyst")
    await elsewhere.close()


async def test_a_key_that_is_withdrawn_ends_handles(bench: Bench) -> None:
    """When the issuer drops the key that signed the token, its handles open nothing; nor do those of other issuers."""
    issued = await bench.issue()
    another = LocalIssuer.create(bench.folder / "new")
    changed = another.settings().model_copy(update={"issuer": bench.issuer.issuer})
    door = Authenticator((changed,), handles=bench.handles)
    with pytest.raises(AuthenticationError) as caught:
        await door.authenticate(issued.handle, "analyst")
    assert "not trusted any more" in str(caught.value.detail)
    renamed = bench.issuer.settings().model_copy(update={"issuer": "https://idp.example"})
    with pytest.raises(AuthenticationError):
        await Authenticator((renamed,), handles=bench.handles).authenticate(issued.handle, "analyst")


async def test_number_limit_counts_live_ones(bench: Bench) -> None:
    """A person has at most so many; those that expired are gone from the file."""
    for _ in range(5):
        await bench.issue(lifetime=60)
    verified = await bench.door.verify(bench.issuer.mint(subject="ada", roles=("analyst",)))
    assert await bench.handles.issue(verified.identity, verified.signing_key) is None
    await bench.issue(subject="bob")
    bench.clock.now += 61
    assert await bench.handles.issue(verified.identity, verified.signing_key) is not None
    with sqlite3.connect(bench.path) as database:
        assert database.execute("SELECT count(*) FROM handles").fetchone() == (2,)
    database.close()


async def test_nothing_of_a_handle_is_kept(bench: Bench) -> None:
    """No file of the store holds a handle or can be read by others, and no repr shows one."""
    issued = await bench.issue()
    secret = issued.handle.removeprefix("pgv1_")
    files = list(bench.folder.glob("handles.sqlite*"))
    assert len(files) == 3
    for file in files:
        assert file.stat().st_mode & 0o077 == 0
        assert secret.encode() not in file.read_bytes()
        assert secret[:16].encode() not in file.read_bytes()
    assert secret not in repr(issued)


async def test_without_handles_the_prefix_means_nothing(bench: Bench) -> None:
    """Where they are off a handle is a password like any other wrong one."""
    issued = await bench.issue()
    with pytest.raises(AuthenticationError) as caught:
        await Authenticator((bench.issuer.settings(),)).authenticate(issued.handle, "analyst")
    assert "not a token" in str(caught.value.detail)
    with pytest.raises(Exception, match="not a token"):
        await bench.door.verify(issued.handle)


async def test_many_at_once(bench: Bench) -> None:
    """Two processes that write and read at once lose nothing."""
    elsewhere = bench.open()
    verified = await bench.door.verify(bench.issuer.mint(subject="ada", roles=("analyst",)))

    async def give(handles: Handles) -> Issued | None:
        return await handles.issue(verified.identity, verified.signing_key)

    given = await asyncio.gather(*(give(h) for h in (bench.handles, elsewhere) * 10))
    kept = [issued for issued in given if issued is not None]
    assert len(kept) == 5
    found = await asyncio.gather(*(elsewhere.find(issued.handle) for issued in kept))
    assert [f.handle_id for f in found if f] == [issued.stored.handle_id for issued in kept]
    await elsewhere.close()
    with pytest.raises(HandlesUnavailableError):
        await elsewhere.find(kept[0].handle)


def test_files_that_are_refused(tmp_path: Path) -> None:
    """A file that others can write, one that is no store, and a folder that is missing."""
    open_to_all = tmp_path / "open.sqlite"
    open_to_all.touch(mode=0o644)
    with pytest.raises(SettingsFileError, match="other users"):
        HandleFile(open_to_all)
    text = tmp_path / "text.sqlite"
    text.write_text("x" * 5000)
    text.chmod(0o600)
    with pytest.raises(SettingsFileError, match="cannot be used"):
        HandleFile(text)
    with pytest.raises(SettingsFileError, match="cannot be opened"):
        HandleFile(tmp_path / "no" / "x.sqlite")


async def test_a_broken_store_refuses_logins(bench: Bench) -> None:
    """Where the rows cannot be read nobody is let in."""
    issued = await bench.issue()
    with sqlite3.connect(bench.path) as database:
        database.execute("UPDATE handles SET identity = '[1]'")
    database.close()
    assert "cannot be looked up" in await bench.refusal(issued.handle)
