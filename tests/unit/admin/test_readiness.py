"""Readiness: each thing that is missing is named, and the upstream is probed only when needed."""

from __future__ import annotations

import asyncio

import pytest

from proxy.admin.readiness import Readiness
from proxy.errors import UpstreamUnavailableError
from proxy.identity.handle_store import HandlesUnavailableError


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ready(**given: object) -> Readiness:
    """A readiness at which everything is as it should be."""
    readiness = Readiness(journal_writable=lambda: True, clock=given.get("clock", Clock()))  # type: ignore[arg-type]
    readiness.listening = readiness.policy_loaded = True
    readiness.upstream_answered()
    return readiness


async def test_everything_missing() -> None:
    """At the start everything is missing, and each is named."""
    assert await Readiness(journal_writable=lambda: False).missing() == (
        "not listening", "no policy is loaded", "the journal cannot be written", "the upstream was not reached lately",
    )  # fmt: skip


async def test_ready() -> None:
    """With everything in place nothing is missing, until the upstream fails or is not heard of for a while."""
    clock = Clock()
    readiness = ready(clock=clock)
    assert await readiness.missing() == ()
    clock.now += 15
    assert await readiness.missing() == ("the upstream was not reached lately",)
    readiness.upstream_answered()
    assert await readiness.missing() == ()
    readiness.upstream_failed()
    assert await readiness.missing() == ("the upstream was not reached lately",)


@pytest.mark.parametrize("failure", [None, OSError("refused"), UpstreamUnavailableError("down"), TimeoutError()])
async def test_probe(failure: Exception | None) -> None:
    """Where nothing was heard of the upstream it is probed, once for all who ask, and not again while that is fresh."""
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1
        await asyncio.sleep(0)
        if failure is not None:
            raise failure

    readiness = Readiness(journal_writable=lambda: True, probe=probe, clock=Clock())
    readiness.listening = readiness.policy_loaded = True
    answers = await asyncio.gather(*(readiness.missing() for _ in range(5)))
    assert probes == 1
    assert set(answers) == {() if failure is None else ("the upstream was not reached lately",)}
    await readiness.missing()
    assert probes == (1 if failure is None else 2)


async def test_close_ends_a_probe() -> None:
    """Closing ends a probe under way."""
    probing = asyncio.Event()

    async def probe() -> None:
        probing.set()
        await asyncio.Event().wait()

    readiness = Readiness(journal_writable=lambda: True, probe=probe)
    asking = asyncio.create_task(readiness.missing())
    await probing.wait()
    await readiness.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_store_of_handles_that_is_away() -> None:
    """Where there is one it is asked too, when nothing was heard of it lately, and named."""
    clock = Clock()
    here = True

    async def handles() -> None:
        if not here:
            raise HandlesUnavailableError("gone")

    readiness = Readiness(journal_writable=lambda: True, handles=handles, clock=clock)
    readiness.listening = readiness.policy_loaded = True
    readiness.upstream_answered()
    assert await readiness.missing() == ()
    here = False
    assert await readiness.missing() == ()
    clock.now += 15
    readiness.upstream_answered()
    assert await readiness.missing() == ("handles cannot be looked up",)
    here = True
    assert await readiness.missing() == ()
    await readiness.close()
