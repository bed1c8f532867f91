"""Where an issuer's keys come from: a file or an address, kept fresh.

Owns: reading again (a changed file, an aged or unknown key), and the bound on how long old keys are trusted.
Must not know: tokens. Invariant: keys older than the stale bound are never handed out; at most one fetch is under way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiohttp

from proxy.identity.issuer import IssuerSettings
from proxy.identity.key_set import MAX_KEY_SET_BYTES, KeySet, KeySetError, parse_key_set

logger = logging.getLogger(__name__)

_FILE_CHECK_SECONDS = 2.0
_FETCH_INTERVAL_SECONDS = 10.0
_FETCH_TIMEOUT_SECONDS = 5.0
_PATIENCE_SECONDS = 1.0


class KeysUnavailableError(Exception):
    """No keys that may still be trusted; the text says why."""


class KeySource(Protocol):
    """The keys of one issuer."""

    async def current(self) -> KeySet:
        """The keys to verify with now. Raises KeysUnavailableError."""

    def held(self, *, renew: bool = False) -> KeySet:
        """The keys that are trusted now, without waiting; newer ones are sent for where it is time, or with ``renew``.

        Raises KeysUnavailableError.
        """

    async def renewed(self) -> KeySet:
        """As ``current``, but looked up again first where that is not too soon: a token names a key we lack."""

    async def close(self) -> None:
        """End a fetch that is under way."""


class FileKeys:
    """Keys from a file, read again when its modification time, size or inode changes.

    A file that has become unreadable leaves the old keys in force for ``jwks_stale_seconds``.
    """

    def __init__(self, settings: IssuerSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._path = Path(settings.jwks)
        self._clock = clock
        self._keys: KeySet | None = None
        self._seen: tuple[int, int, int] | None = None
        self._checked_at = self._good_at = float("-inf")

    async def current(self) -> KeySet:
        return self.held()

    def held(self, *, renew: bool = False) -> KeySet:
        if renew or self._clock() - self._checked_at >= _FILE_CHECK_SECONDS:
            self._check()  # a stat is cheap enough to answer every unknown key with one
        if self._keys is None or self._clock() - self._good_at >= self._settings.jwks_stale_seconds:
            raise KeysUnavailableError(f"the key file {self._path} cannot be used")
        return self._keys

    async def renewed(self) -> KeySet:
        return self.held(renew=True)

    async def close(self) -> None:
        """Nothing is ever under way: a file is read at once."""

    def _check(self) -> None:
        now = self._checked_at = self._clock()
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen != self._seen:
                with self._path.open("rb") as file:
                    data = file.read(MAX_KEY_SET_BYTES + 1)
                keys = parse_key_set(data, self._settings.algorithms)
                self._keys = _taken_over(self._keys, keys, self._settings.issuer)
                self._seen = seen
        except (OSError, KeySetError) as problem:
            logger.warning("cannot read the keys of issuer %s from %s: %s", self._settings.issuer, self._path, problem)
        else:
            self._good_at = now


Fetch = Callable[[str], Awaitable[bytes]]


class UrlKeys:
    """Keys from an address, fetched when first needed, when aged, and when a token names an unknown key.

    Fetches are at least ten seconds apart, so that forged key ids cannot make us hammer the issuer.
    """

    def __init__(
        self, settings: IssuerSettings, *, fetch: Fetch | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._fetch = fetch or fetch_key_set
        self._clock = clock
        self._keys: KeySet | None = None
        self._tried_at = self._good_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    async def current(self) -> KeySet:
        if self._is_aged():
            # While the issuer is slow or away, logins by keys that are still trusted wait a moment, not its time-out.
            await self._refresh(_PATIENCE_SECONDS if self._is_trusted() else None)
        return self._trusted()

    def held(self, *, renew: bool = False) -> KeySet:
        if renew or self._is_aged():
            self._send_for()
        return self._trusted()

    def _is_aged(self) -> bool:
        return self._keys is None or self._clock() - self._good_at >= self._settings.jwks_cache_seconds

    def _is_trusted(self) -> bool:
        return self._clock() - self._good_at < self._settings.jwks_stale_seconds

    def _trusted(self) -> KeySet:
        if self._keys is None or not self._is_trusted():
            raise KeysUnavailableError("the issuer's keys could not be fetched")
        return self._keys

    async def renewed(self) -> KeySet:
        await self._refresh()
        return await self.current()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _refresh(self, patience: float | None = None) -> None:
        self._send_for()
        if self._task is not None:
            # A client that goes away while it waits does not end the fetch that others wait for.
            await asyncio.wait({self._task}, timeout=patience)

    def _send_for(self) -> None:
        if self._task is None and self._clock() - self._tried_at >= _FETCH_INTERVAL_SECONDS:
            self._tried_at = self._clock()
            self._task = asyncio.create_task(self._load())

    async def _load(self) -> None:
        try:
            keys = parse_key_set(await self._fetch(self._settings.jwks), self._settings.algorithms)
        except (OSError, aiohttp.ClientError, KeySetError) as problem:
            logger.warning("cannot fetch the keys of issuer %s: %s", self._settings.issuer, _in_words(problem))
        else:
            self._keys = _taken_over(self._keys, keys, self._settings.issuer)
            self._good_at = self._clock()
        finally:
            self._task = None


def key_source(settings: IssuerSettings) -> KeySource:
    """The source that the issuer's ``jwks`` setting names."""
    return UrlKeys(settings) if settings.jwks_is_url else FileKeys(settings)


async def fetch_key_set(url: str, *, timeout_seconds: float = _FETCH_TIMEOUT_SECONDS) -> bytes:
    """The body at ``url``. Raises OSError or ClientError (time-outs are both), or KeySetError if it is too long.

    Redirects are not followed (they could lead away from https), and compression is not accepted (it hides a size).
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with (
        aiohttp.ClientSession(timeout=timeout, auto_decompress=False, headers=headers) as client,
        client.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != 200:
            raise KeySetError(f"the answer has HTTP status {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > MAX_KEY_SET_BYTES:
                raise KeySetError(f"the answer is longer than {MAX_KEY_SET_BYTES} bytes")
        return bytes(body)


def _taken_over(old: KeySet | None, new: KeySet, issuer: str) -> KeySet:
    """The old value where nothing changed: verified tokens stay cached as long as the value is the same one."""
    if old is not None and old.digest == new.digest:
        return old
    if not new.keys:
        logger.warning("issuer %s offers no key that fits its listed algorithms", issuer)
    else:
        logger.info("took over %d keys of issuer %s", len(new.keys), issuer)
    return new


def _in_words(problem: Exception) -> str:
    return "it took too long" if isinstance(problem, TimeoutError) else str(problem) or type(problem).__name__
