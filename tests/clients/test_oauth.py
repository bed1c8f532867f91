"""OAUTHBEARER with libpq 18: discovery, the token of a hook in place of a browser, and the session after it.

Must not know: how the proxy works. Invariant: the hook is taken away again after each test; no token is in any error.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import psycopg_binary
import pytest

from tests.clients.seen import SEEN, stored_patients
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy

ISSUER = "https://idp.example"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
BEARER_TOKEN = 1  # PQAUTHDATA_OAUTH_BEARER_TOKEN


class BearerRequest(ctypes.Structure):
    """PGoauthBearerRequest of libpq 18 (libpq-fe.h)."""

    _fields_ = (
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    )


_Hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


@pytest.fixture(scope="module")
def offering(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy whose issuer has metadata."""
    folder = tmp_path_factory.mktemp("oauth")
    issuer = {
        "issuer": "urn:pgveil:local", "audience": "pgveil", "jwks": str(folder / "issuer/jwks.json"),
        "discovery": METADATA, "scope": "openid pgveil",
    }  # fmt: skip
    with run_proxy(folder, clinic, sections={"identity": {"issuers": [issuer]}}) as running:
        yield running


@pytest.fixture
def supply() -> Iterator[Callable[[str], list[tuple[bytes, bytes]]]]:
    """A function that has libpq use a token; the list that it returns is filled with what libpq was told of."""
    (path,) = (Path(psycopg_binary.__file__).parent.parent / "psycopg_binary.libs").glob("libpq-*.so*")
    libpq = ctypes.CDLL(str(path))
    assert libpq.PQlibVersion() >= 180000
    libpq.PQgetAuthDataHook.restype = ctypes.c_void_p
    libpq.PQsetAuthDataHook.argtypes = [ctypes.c_void_p]
    before = libpq.PQgetAuthDataHook()
    kept: list[Any] = []

    def use(token: str) -> list[tuple[bytes, bytes]]:
        told: list[tuple[bytes, bytes]] = []
        secret = token.encode()

        def answer(kind: int, _connection: int | None, data: int | None) -> int:
            if kind != BEARER_TOKEN or data is None:
                return 0
            request = BearerRequest.from_address(data)
            told.append((request.openid_configuration, request.scope))
            request.token = secret
            return 1

        hook = _Hook(answer)
        kept.extend((hook, secret))
        libpq.PQsetAuthDataHook(ctypes.cast(hook, ctypes.c_void_p))
        return told

    yield use
    libpq.PQsetAuthDataHook(before)


def connect(proxy: ProxyProcess, role: str = "analyst", **more: Any) -> psycopg.Connection[Any]:
    """A connection that asks for OAUTHBEARER, over TLS."""
    parameters: dict[str, Any] = proxy.parameters(role, tls=True)
    del parameters["password"]
    parameters |= {"oauth_issuer": ISSUER, "oauth_client_id": "psql", "options": "-c pgveil.login=oauth"}
    return psycopg.connect(**parameters | {"require_auth": "oauth"} | more)


def test_a_login(offering: ProxyProcess, clinic: Clinic, supply: Callable[[str], list[tuple[bytes, bytes]]]) -> None:
    """libpq learns where to get a token, comes back with it, and its session sees what the token's role sees."""
    token = offering.token("analyst")
    told = supply(token)
    with connect(offering) as session:
        rows = session.execute("SELECT zip FROM clinic.patients WHERE patient_id <= 5 ORDER BY patient_id").fetchall()
    assert told == [(METADATA.encode(), b"openid pgveil")]
    assert rows == [(SEEN["analyst"](patient).zip,) for patient in stored_patients(clinic, 5)]
    logins = [r for r in offering.journal() if r["type"] == "login"]
    assert [(r["result"], r.get("principal")) for r in logins] == [("accepted", "dana@example.org")]
    kept = offering.log() + (offering.folder / "journal.jsonl").read_text() + offering.metrics()
    assert token not in kept


def test_a_rejected_token(offering: ProxyProcess, supply: Callable[[str], list[tuple[bytes, bytes]]]) -> None:
    """The error is a login's, with the reason, and without the token."""
    past: dict[str, Any] = {"not_before": time.time() - 7200, "lifetime": timedelta(hours=1)}
    mint = offering.issuer.mint
    for token, user, words in (
        ("a.b.c", "analyst", "is not a token"),
        (offering.token("billing"), "analyst", "does not allow this user name"),
        (mint(subject="ada", roles=("analyst",), **past), "analyst", "has expired"),
        (mint(subject="ada", roles=("analyst",), audience="other"), "analyst", "meant for another audience"),
        (mint(subject="ada", roles=("analyst",), extra={"x": "x" * 20_000}), "analyst", "is longer than 16384 bytes"),
    ):
        supply(token)
        with pytest.raises(psycopg.OperationalError) as caught:
            connect(offering, user)
        assert "password authentication failed" in str(caught.value)
        assert words in str(caught.value)
        assert token not in str(caught.value)
    supply("two words")
    with pytest.raises(psycopg.OperationalError):
        connect(offering)


def test_a_client_that_trusts_another_issuer(
    offering: ProxyProcess, supply: Callable[[str], list[tuple[bytes, bytes]]]
) -> None:
    """libpq asks nobody for a token where the metadata are not its own issuer's."""
    told = supply(offering.token("analyst"))
    with pytest.raises(psycopg.OperationalError, match="oauth_issuer"):
        connect(offering, oauth_issuer="https://other.example")
    assert told == []


def test_a_client_that_has_no_token(offering: ProxyProcess) -> None:
    """A libpq without a hook or a module for browsers says so; one that wants a password only is not asked for it."""
    with pytest.raises(psycopg.OperationalError, match="no OAuth flows are available"):
        connect(offering)
    with pytest.raises(psycopg.OperationalError, match="SASL authentication"):
        connect(offering, require_auth="password")


def test_the_password_beside_it(offering: ProxyProcess, supply: Callable[[str], list[tuple[bytes, bytes]]]) -> None:
    """Who does not ask for it is asked for the password; who asks without TLS is told to use it."""
    told = supply(offering.token("analyst"))
    with offering.connect("analyst", tls=True) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="only over TLS"):
        connect(offering, sslmode="disable", sslrootcert="")
    assert told == []
