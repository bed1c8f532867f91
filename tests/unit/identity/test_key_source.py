"""Keys from files and addresses: rotation, failures, and the bound on old keys."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from proxy.errors import AuthenticationError
from proxy.identity.authenticator import Authenticator
from proxy.identity.issuer import IssuerSettings
from proxy.identity.key_set import MAX_KEY_SET_BYTES, KeySet, KeySetError
from proxy.identity.key_source import FileKeys, KeysUnavailableError, UrlKeys, fetch_key_set, key_source
from proxy.identity.local_issuer import LocalIssuer


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Stands for an issuer's address: counts the fetches, answers with ``body`` or fails with it."""

    def __init__(self, body: bytes | Exception) -> None:
        self.body = body
        self.fetches = 0

    async def __call__(self, url: str) -> bytes:
        self.fetches += 1
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


URL = "https://idp.example/jwks"


def url_settings(local: LocalIssuer, url: str = URL) -> IssuerSettings:
    """The local issuer, with its keys at an address."""
    return local.settings().model_copy(update={"jwks": url, "jwks_cache_seconds": 300, "jwks_stale_seconds": 3600})


@pytest.fixture
def local(tmp_path: Path) -> LocalIssuer:
    """An issuer."""
    return LocalIssuer.create(tmp_path / "one")


@pytest.fixture
def rotated(tmp_path: Path) -> LocalIssuer:
    """The same issuer's name with another key."""
    return LocalIssuer.create(tmp_path / "two")


def jwks(*issuers: LocalIssuer) -> bytes:
    """One key set with the keys of all."""
    keys = [key for i in issuers for key in json.loads((i.folder / "jwks.json").read_bytes())["keys"]]
    return json.dumps({"keys": keys}).encode()


def ids(keys: KeySet) -> set[str | None]:
    """The key ids of a set."""
    return {key.key_id for key in keys.keys}


def test_source_follows_the_setting(local: LocalIssuer) -> None:
    """An address is fetched, anything else is a file."""
    assert isinstance(key_source(local.settings()), FileKeys)
    assert isinstance(key_source(url_settings(local)), UrlKeys)


async def test_file_is_read_again_when_it_changes(local: LocalIssuer, rotated: LocalIssuer) -> None:
    """A changed key file is taken over within seconds, an unchanged one gives the very same value."""
    clock = Clock()
    source = FileKeys(local.settings(), clock=clock)
    first = await source.current()
    assert ids(first) == {local.key_id}
    clock.now += 10
    assert await source.current() is first
    path = local.folder / "jwks.json"
    path.write_bytes(jwks(rotated))
    os.utime(path, ns=(1, 1))
    clock.now += 1
    assert await source.current() is first
    clock.now += 2
    assert ids(await source.current()) == {rotated.key_id}


async def test_file_is_looked_at_for_an_unknown_key(local: LocalIssuer, rotated: LocalIssuer) -> None:
    """A token with a new key is accepted at once after the file got that key."""
    door = Authenticator((local.settings(),))
    await door.authenticate(local.mint(subject="ada", roles=("analyst",)), "analyst")
    path = local.folder / "jwks.json"
    path.write_bytes(jwks(local, rotated))
    os.utime(path, ns=(1, 1))
    assert (await door.authenticate(rotated.mint(subject="eve", roles=("analyst",)), "analyst")).name == "eve"


@pytest.mark.parametrize("damage", ["missing", "garbage", "huge"])
async def test_damaged_file_keeps_the_old_keys_for_a_while(local: LocalIssuer, damage: str) -> None:
    """Keys of a file that became unusable are trusted until the stale bound, and not beyond."""
    clock = Clock()
    source = FileKeys(local.settings(), clock=clock)
    first = await source.current()
    path = local.folder / "jwks.json"
    whole = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "garbage":
            path.write_bytes(b"{")
        case _:
            path.write_bytes(b" " * (MAX_KEY_SET_BYTES + 1))
    clock.now += 3599
    assert await source.current() is first
    clock.now += 1
    with pytest.raises(KeysUnavailableError):
        await source.current()
    path.write_bytes(whole)
    clock.now += 2
    assert ids(await source.current()) == {local.key_id}
    await source.close()


async def test_address_is_fetched_once_while_fresh(local: LocalIssuer) -> None:
    """Keys are fetched when first needed and again only when they have aged."""
    clock, issuer = Clock(), Issuer(jwks(local))
    source = UrlKeys(url_settings(local), fetch=issuer, clock=clock)
    first = await source.current()
    clock.now += 299
    assert await source.current() is first
    assert issuer.fetches == 1
    clock.now += 1
    assert await source.current() is first
    assert issuer.fetches == 2


async def test_rotation_at_an_address(local: LocalIssuer, rotated: LocalIssuer) -> None:
    """An unknown key id makes us look again, at most once in ten seconds; a withdrawn key falls with the next look."""
    clock, issuer = Clock(), Issuer(jwks(local))
    source = UrlKeys(url_settings(local), fetch=issuer, clock=clock)
    door = Authenticator((url_settings(local),), sources=lambda _: source)
    old, new = (i.mint(subject="ada", roles=("analyst",)) for i in (local, rotated))
    await door.authenticate(old, "analyst")
    issuer.body = jwks(rotated)
    clock.now += 9
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            await door.authenticate(new, "analyst")
    assert issuer.fetches == 1
    clock.now += 1
    await door.authenticate(new, "analyst")
    assert issuer.fetches == 2
    with pytest.raises(AuthenticationError):
        await door.authenticate(old, "analyst")


@pytest.mark.parametrize("failure", [OSError("down"), TimeoutError(), aiohttp.ClientError("x"), KeySetError("y"), b"{"])
async def test_address_that_is_down(local: LocalIssuer, failure: bytes | Exception) -> None:
    """While the address is down old keys are trusted until the stale bound, then logins are refused until it is up."""
    clock, issuer = Clock(), Issuer(jwks(local))
    source = UrlKeys(url_settings(local), fetch=issuer, clock=clock)
    door = Authenticator((url_settings(local),), sources=lambda _: source)
    good = local.mint(subject="ada", roles=("analyst",))
    await door.authenticate(good, "analyst")
    issuer.body = failure
    clock.now += 3599
    await door.authenticate(good, "analyst")
    clock.now += 1
    with pytest.raises(AuthenticationError) as caught:
        await door.authenticate(good, "analyst")
    assert caught.value.detail == "The keys of the token's issuer are not available now."
    issuer.body = jwks(local)
    clock.now += 10
    await door.authenticate(good, "analyst")


async def test_address_that_never_answered(local: LocalIssuer) -> None:
    """An issuer that is down from the start does not stop the proxy from starting, and its tokens are refused."""
    issuer = Issuer(OSError("down"))
    door = Authenticator((url_settings(local),), sources=lambda s: UrlKeys(s, fetch=issuer, clock=Clock()))
    await door.prepare()
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="password authentication failed"):
            await door.authenticate(local.mint(subject="ada", roles=("analyst",)), "analyst")
    assert issuer.fetches == 1


async def test_single_flight(local: LocalIssuer) -> None:
    """Logins that arrive together wait for one fetch, and one that goes away does not end it for the others."""
    gate = asyncio.Event()
    fetches = 0

    async def fetch(_: str) -> bytes:
        nonlocal fetches
        fetches += 1
        await gate.wait()
        return jwks(local)

    source = UrlKeys(url_settings(local), fetch=fetch, clock=Clock())
    waiting = [asyncio.create_task(source.current()) for _ in range(10)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert all(isinstance(keys, KeySet) for keys in done[1:])
    assert fetches == 1


async def test_an_issuer_that_hangs(local: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logins by keys that are still trusted wait for a moment only; without such keys they wait for the answer."""
    monkeypatch.setattr("proxy.identity.key_source._PATIENCE_SECONDS", 0.0)
    clock, gate = Clock(), asyncio.Event()
    gate.set()

    async def fetch(_: str) -> bytes:
        await gate.wait()
        return jwks(local)

    source = UrlKeys(url_settings(local), fetch=fetch, clock=clock)
    first = await source.current()
    gate.clear()
    clock.now += 300
    assert await source.current() is first
    clock.now += 3300
    waiting = asyncio.create_task(source.current())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    assert await waiting is first


async def test_close_ends_a_fetch(local: LocalIssuer) -> None:
    """Closing ends a fetch under way, and with it the login that waits."""

    fetching = asyncio.Event()

    async def never(_: str) -> bytes:
        fetching.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    door = Authenticator((url_settings(local),), sources=lambda s: UrlKeys(s, fetch=never))
    login = asyncio.create_task(door.authenticate(local.mint(subject="ada", roles=("analyst",)), "analyst"))
    await fetching.wait()
    await door.close()
    with pytest.raises(AuthenticationError):
        await login


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address of a server on loopback that answers with the handler."""
    app = web.Application()
    app.router.add_get("/jwks", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    finally:
        await runner.cleanup()


async def test_real_fetch(local: LocalIssuer) -> None:
    """Keys served over HTTP on loopback let the issuer's tokens in."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=jwks(local), content_type="text/plain")

    async with served(answer) as url:
        door = Authenticator((url_settings(local, url),))
        assert (await door.authenticate(local.mint(subject="ada", roles=("analyst",)), "analyst")).name == "ada"
        await door.close()


async def test_huge_answer() -> None:
    """An endless answer is cut off at the size limit."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    async with served(answer) as url:
        with pytest.raises(KeySetError, match="longer than"):
            await fetch_key_set(url)


async def test_slow_answer() -> None:
    """An answer that does not come in time is given up."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with served(answer) as url:
        with pytest.raises(TimeoutError):
            await fetch_key_set(url, timeout_seconds=0.05)


@pytest.mark.parametrize("status", [301, 302, 404, 500, 204])
async def test_odd_status(status: int) -> None:
    """Any status but 200 is a failure, and redirects are not followed."""
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/jwks"})

    async with served(answer) as url:
        with pytest.raises(KeySetError, match=f"HTTP status {status}"):
            await fetch_key_set(url)
    assert asked == ["/jwks"]


async def test_nobody_listens() -> None:
    """A refused connection is an error that the source knows how to bear."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response()

    async with served(answer) as url:
        pass
    with pytest.raises(OSError, match="Cannot connect"):
        await fetch_key_set(url)
