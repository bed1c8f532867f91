"""The token clinic behind a proxy of its own, with real keys.

Owns: its database, policy and proxy, and the oracle for them. Must not know: what is tested with them.
Invariant: every stored value of a column of tokens holds the canary, or digits that stand nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import sql

from proxy.tokens.types import TokenType
from tests.support.corpus import CorpusStatement
from tests.support.oracle import Oracle
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, copied_database, run_proxy
from tests.support.token_clinic import MRN
from tests.support.token_oracle import load, stored_mrn, with_tokens

POLICY = """
version: 1
domains: {patient: {}, provider: {}, account: {}, device: {}, acme: {}}
kinds:
  mrn: {mask: {token: {domain: patient}}}
  provider: {mask: {token: {domain: provider}}}
  account: {mask: {token: {domain: account, format: digits}}}
  device: {mask: {token: {domain: device, format: uuid}}}
  name: {mask: {partial: {show_first: 1}}}
  note: {mask: deny}
tables:
  clinic.patients: {columns: {id: clear, mrn: mrn, name: name, age: clear, device: device, account: account,
                              number: account, card: mrn, note: note}}
  clinic.visits: {columns: {id: clear, mrn: mrn, provider: provider, cost: clear, account: account, seen: clear}}
  clinic.old_visits: {columns: {id: clear, mrn: mrn, provider: provider, cost: clear, account: account, seen: clear}}
  clinic.codes: {columns: clear}
roles:
  analyst: {reads: [clinic.*]}
  partner: {reads: [clinic.*], masks: {mrn: {token: {domain: acme}}}}
  scribe: {reads: [clinic.*], writes: [clinic.codes]}
  clinician: {reads: [clinic.*], masks: {"*": clear}}
"""
_DOMAINS = {"analyst": "patient", "partner": "acme", "scribe": "patient"}


@dataclass(frozen=True, slots=True)
class TokenProxy:
    """The proxy, the oracle that compares with masked copies, and how to name tokens."""

    proxy: ProxyProcess
    oracle: Oracle

    def mrn(self, number: int, role: str = "analyst") -> str:
        """The token that the role sees of a patient."""
        return self.oracle.stand_ins.token(self._mrn_type(role), stored_mrn(number))

    def statement(self, statement: CorpusStatement, role: str) -> CorpusStatement:
        """The statement with the role's tokens in it."""
        return replace(statement, text=with_tokens(statement.text, self.oracle.stand_ins.token, self._mrn_type(role)))

    def _mrn_type(self, role: str) -> TokenType:
        return replace(MRN, domain=_DOMAINS[role])


@contextmanager
def token_proxy(clinic: Clinic, folder: Path) -> Iterator[TokenProxy]:
    """Make all of it, and end it."""
    name = folder.name.replace("-", "_")
    with clinic.connect(database="postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        with clinic.connect(database=name) as session:
            session.execute("SET search_path TO clinic")
            load(session, masked=False)
            session.execute(
                "GRANT USAGE ON SCHEMA clinic TO pgveil; GRANT SELECT ON ALL TABLES IN SCHEMA clinic TO pgveil"
            )
        policy = folder / "policy.yaml"
        policy.write_text(POLICY)
        own = replace(clinic, database=name)
        with (
            copied_database(own, f"{name}_served") as served,
            run_proxy(folder / "proxy", own, policy=policy, database=served, keys=True) as proxy,
        ):
            oracle = Oracle(own, proxy)
            try:
                yield TokenProxy(proxy, oracle)
            finally:
                oracle.close()
    finally:
        with clinic.connect(database="postgres") as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
