"""Turning tokens back: who may, how often, and what is written down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.audit.journal import Journal
from proxy.detokenizing import Detokenizer, Request, TokenKind, TooManyTokensError
from proxy.errors import JournalError, PolicyRefusal, UnsupportedRefusal
from proxy.identity.principal import Principal
from proxy.metrics import Metrics
from proxy.policy.load import load_policy
from proxy.policy.model import Policy
from proxy.watching import Watch
from tests.support.keyrings import tokenizer

_TOKENS = tokenizer("patient", "acme")
_WHO = Principal("ada", "auditor", "auditor", "https://idp.example", 1e12)


class Bench:
    """A detokenizer with a clock that is moved by hand."""

    def __init__(self, folder: Path, *, per_minute: int = 100) -> None:
        self.now = 1000.0
        self.folder = folder
        self.policy = self.load("[patient]")
        self.journal = Journal(folder / "journal.jsonl")
        self.metrics = Metrics()
        watch = Watch(self.journal, self.metrics, clock=lambda: self.now)
        self.detokenizer = Detokenizer(
            lambda: self.policy, lambda: _TOKENS, watch, per_minute=per_minute, clock=lambda: self.now
        )

    def load(self, domains: str) -> Policy:
        """A policy whose auditor may turn back these domains."""
        path = self.folder / "policy.yaml"
        path.write_text(
            f"version: 1\ndomains: {{patient: {{}}, acme: {{}}}}\nroles: {{auditor: {{detokenize: {domains}}}}}\n"
        )
        return load_policy(path)

    def records(self) -> list[dict[str, object]]:
        """What the journal says."""
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One of them."""
    return Bench(tmp_path)


def token(value: str, domain: str = "patient", kind: TokenKind = TokenKind.TEXT) -> str:
    """The token of a value."""
    (made,) = _TOKENS.encode_cells(kind.of(domain), [value.encode()], binary=False)
    assert made is not None
    return made.decode()


def ask(*tokens: str, domain: str = "patient", kind: TokenKind = TokenKind.TEXT, reason: str = "audit 7") -> Request:
    """A request."""
    return Request(domain, kind, tokens, reason)


def test_values_come_back_and_are_written_down(bench: Bench) -> None:
    """Tokens become values, what is none becomes None; the record and the metric count them and hold neither."""
    given = [token("MRN-CANARY"), "none", token("MRN-CANARY", "acme")]
    assert bench.detokenizer.detokenize(_WHO, ask(*given)) == ["MRN-CANARY", None, None]
    (record,) = bench.records()
    assert {k: record[k] for k in ("type", "principal", "role", "domain", "tokens", "found", "reason", "result")} == {
        "type": "detokenization", "principal": "ada", "role": "auditor", "domain": "patient",
        "tokens": 3, "found": 1, "reason": "audit 7", "result": "accepted",
    }  # fmt: skip
    text = (bench.folder / "journal.jsonl").read_text()
    assert "CANARY" not in text
    assert given[0] not in text
    assert 'pgveil_detokenizations_total{domain="patient",role="auditor"} 1.0' in bench.metrics.exposition().decode()
    assert given[0] not in repr(ask(*given))


@pytest.mark.parametrize(
    ("kind", "value"),
    [(TokenKind.DIGITS, "901-42-0042"), (TokenKind.INTEGER, "4711"),
     (TokenKind.UUID, "00000000-0000-0000-0000-000000000001")],
)  # fmt: skip
def test_every_kind_of_token(bench: Bench, kind: TokenKind, value: str) -> None:
    """Tokens of digits, integers and UUIDs come back as well."""
    assert bench.detokenizer.detokenize(_WHO, ask(token(value, kind=kind), kind=kind)) == [value]


def test_only_what_the_policy_allows(bench: Bench) -> None:
    """Another domain, another role and an unknown domain are refused in the same words, and written down."""
    for who, domain in ((_WHO, "acme"), (replace(_WHO, role="clerk"), "patient"), (_WHO, "none")):
        with pytest.raises(PolicyRefusal, match="may not turn back tokens of this domain"):
            bench.detokenizer.detokenize(who, ask(token("x"), domain=domain))
    assert [(r["result"], r["refusal"]) for r in bench.records()] == [("refused", "detokenize")] * 3


def test_a_reload_revokes(bench: Bench) -> None:
    """The policy in force counts, at each request."""
    assert bench.detokenizer.detokenize(_WHO, ask(token("x"))) == ["x"]
    bench.policy = bench.load("[]")
    with pytest.raises(PolicyRefusal):
        bench.detokenizer.detokenize(_WHO, ask(token("x")))


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\nb"])
def test_a_reason_is_required(bench: Bench, reason: str) -> None:
    """None, too long a one, or one that would break a line are refused."""
    with pytest.raises(UnsupportedRefusal, match="a reason"):
        bench.detokenizer.detokenize(_WHO, ask(token("x"), reason=reason))


@pytest.mark.parametrize("count", [0, 1001])
def test_the_size_of_a_request(bench: Bench, count: int) -> None:
    """No tokens, or too many at once, are refused."""
    with pytest.raises(UnsupportedRefusal, match="give 1 to 1000 tokens"):
        bench.detokenizer.detokenize(_WHO, ask(*["x"] * count))


def test_so_many_in_a_minute(tmp_path: Path) -> None:
    """A principal has an allowance that comes back with time; others have their own."""
    bench = Bench(tmp_path, per_minute=60)
    bench.detokenizer.detokenize(_WHO, ask(*["x"] * 50))
    with pytest.raises(TooManyTokensError) as raised:
        bench.detokenizer.detokenize(_WHO, ask(*["x"] * 20))
    assert 10 <= raised.value.wait <= 12
    bench.detokenizer.detokenize(replace(_WHO, name="bob"), ask(*["x"] * 50))
    bench.now += raised.value.wait
    bench.detokenizer.detokenize(_WHO, ask(*["x"] * 20))
    bench.now += 3600
    bench.detokenizer.detokenize(_WHO, ask(*["x"] * 60))
    with pytest.raises(TooManyTokensError):
        bench.detokenizer.detokenize(_WHO, ask("x"))
    bench.now += 60
    bench.detokenizer.detokenize(_WHO, ask(*["x"] * 500))


def test_nothing_without_a_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the record cannot be written no value is given."""

    def full(_: bytes) -> None:
        raise JournalError("the journal cannot be written")

    monkeypatch.setattr(bench.journal, "append", full)
    with pytest.raises(JournalError):
        bench.detokenizer.detokenize(_WHO, ask(token("x")))
    assert "detokenizations_total{" not in bench.metrics.exposition().decode()
