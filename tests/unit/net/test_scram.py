"""SCRAM-SHA-256 against the example of RFC 7677, section 3, and against servers that cheat."""

from __future__ import annotations

import pytest
import scramp

from proxy.errors import UpstreamProtocolError
from proxy.net.scram import ScramSha256
from proxy.session.upstream_login import Account, UpstreamLoginError

SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"


def _exchange(monkeypatch: pytest.MonkeyPatch) -> ScramSha256:
    client = scramp.ScramClient

    def with_nonce(*arguments: object, **options: object) -> object:
        return client(*arguments, **options, c_nonce="rOprNGfwEbeRWgbNEkqO")

    monkeypatch.setattr(scramp, "ScramClient", with_nonce)
    return ScramSha256(("SCRAM-SHA-256",), Account("user", "pencil"), None)


def test_rfc_7677(monkeypatch: pytest.MonkeyPatch) -> None:
    """The RFC's nonces, salt and password give the RFC's proof, and its server signature is accepted."""
    exchange = _exchange(monkeypatch)
    assert exchange.mechanism == "SCRAM-SHA-256"
    assert exchange.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    final = exchange.final(f"r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert final == (f"c=biws,r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    exchange.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize("server_final", ["v=AAAA", "e=invalid-proof", "", "nonsense", "v=é"])
def test_server_that_cannot_prove_itself(monkeypatch: pytest.MonkeyPatch, server_final: str) -> None:
    """Anything but the right signature is a failed login."""
    exchange = _exchange(monkeypatch)
    exchange.first()
    exchange.final(f"r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    with pytest.raises(UpstreamLoginError):
        exchange.verify(server_final)


@pytest.mark.parametrize("count", ["0", "-1", "500001", "9" * 40, "x", ""])
def test_iteration_counts(monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    """A count that would stop the proxy for seconds, or is none, is refused."""
    exchange = _exchange(monkeypatch)
    exchange.first()
    with pytest.raises(UpstreamProtocolError):
        exchange.final(f"r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i={count}")
