"""Every client and tool through the proxy, as a restricted role: the same features asked of each, over TLS and without.

Must not know: how the proxy works. Invariant: what a client does against a server, it does against the proxy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import pytest

from tests.clients.clients import CLIENTS, TOKEN_BYTES, Client, Outcome, long_token, run_client
from tests.clients.scenario import SCENARIOS, Scenario, Shown
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

LEFT_OVER: Final = ("pgveil_replies_unanswered_total", "pgveil_out_of_step_total", "pgveil_sessions")
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of a client gave, and by how much it raised the metrics that must not rise."""

    outcome: Outcome
    left_over: Mapping[str, float]


Run: TypeAlias = Callable[[Client, bool], Ran]
Expected: TypeAlias = Callable[[Scenario], Shown]


@pytest.fixture(scope="module")
def run(proxy: ProxyProcess) -> Run:
    """Run a client once with TLS and once without, however many features are looked at."""

    def once(client: Client, tls: bool) -> Ran:
        before = [proxy.metric(name) for name in LEFT_OVER]
        outcome = run_client(client, proxy, tls=tls)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            rise = {name: proxy.metric(name) - was for name, was in zip(LEFT_OVER, before, strict=True)}
            if not rise["pgveil_sessions"] or time.monotonic() > deadline:
                return Ran(outcome, rise)
            time.sleep(0.05)

    return cache(once)


@pytest.fixture(scope="module")
def expected(clinic: Clinic) -> Expected:
    """What must have been shown for a scenario."""
    return cache(lambda scenario: scenario.expected(clinic))


def _case(client: Client, *values: object, name: str) -> object:
    return pytest.param(client, *values, id=name, marks=() if client.packaged else pytest.mark.tools)


def _features() -> list[object]:
    return [
        _case(client, scenario, name=f"{client.name}-{scenario.feature.value}")
        for client in CLIENTS
        for scenario in SCENARIOS
        if scenario.feature in client.features()
    ]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("client", "scenario"), _features())
def test_feature(
    run: Run,
    expected: Expected,
    record_property: Callable[[str, object], None],
    client: Client,
    scenario: Scenario,
    tls: bool,
) -> None:
    """The client is shown what its role may see, and errors are those of the server."""
    record_property("client", client.name)
    record_property("feature", scenario.feature.value)
    outcome = run(client, tls).outcome[scenario.feature.name]
    assert "error" not in outcome, outcome["error"]
    assert outcome["shown"] == expected(scenario)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("client", [_case(client, name=client.name) for client in CLIENTS])
def test_nothing_is_left_over(run: Run, client: Client, tls: bool) -> None:
    """After all of that no reply is owed to the client, no session lost step with the database, and none is open."""
    assert run(client, tls).left_over == dict.fromkeys(LEFT_OVER, 0)


def test_the_token_is_a_long_one(proxy: ProxyProcess) -> None:
    """The password that the clients give is as long as real identity providers make it."""
    assert TOKEN_BYTES - 200 <= len(long_token(proxy)) <= TOKEN_BYTES + 200
