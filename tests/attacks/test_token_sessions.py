"""Attacks on tokens by way of the session: names that change what they stand for between two messages.

Must not know: how names are kept. Invariant: no stored number is in any byte that the proxy answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import psycopg
import pytest

from proxy.wire.frontend import SYNC_MESSAGE, Bind, Close, Describe, Execute, Parse, Query
from tests.support.postgres import Clinic
from tests.support.proxy_process import POLICIES, ProxyProcess, run_proxy
from tests.support.wire_session import Message, WireSession, types, wire_session

_LINKER = """
version: 1
roles:
  linker:
    reads: ["*"]
    writes: [sales.regions]
    masks: {mrn: {token: {domain: patient}}}
"""
_NOTHING = bytes(6)
_SEX = b"SELECT sex::text FROM clinic.patients WHERE patient_id < 9"
_NUMBERS = b"SELECT coalesce(mrn, mrn) FROM clinic.patients WHERE patient_id < 9"


@pytest.fixture(scope="module")
def linking(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy with a role that sees medical record numbers as tokens."""
    folder = tmp_path_factory.mktemp("linking")
    policy = folder / "policy"
    policy.mkdir()
    for file in POLICIES[0].glob("*.yaml"):
        shutil.copy(file, policy / file.name)
    (policy / "linker.yaml").write_text(_LINKER)
    with run_proxy(folder / "proxy", clinic, policy=policy, keys=True) as running:
        yield running


@pytest.fixture
def session(linking: ProxyProcess) -> Iterator[WireSession]:
    """A session of that role, in a transaction."""
    with wire_session(linking.connect("linker")) as opened:
        opened.send(Query(b"BEGIN").encode())
        opened.until("Z")
        yield opened


@pytest.fixture
def stored(clinic: Clinic) -> list[str]:
    """The numbers of the patients that are asked for."""
    with clinic.connect() as direct:
        return [row[0] for row in direct.execute("SELECT mrn FROM clinic.patients WHERE patient_id < 9")]


def _ask(session: WireSession, *messages: bytes) -> list[Message]:
    session.send(*messages, SYNC_MESSAGE)
    return session.until("Z")


def _rest(session: WireSession, *messages: bytes) -> bytes:
    """All that comes until the proxy is ready again or ends the session."""
    session.send(*messages, SYNC_MESSAGE)
    read = b""
    try:
        while not read.endswith((b"Z\0\0\0\5T", b"Z\0\0\0\5E")):
            tag, body = session.message()
            read += tag.encode() + (len(body) + 4).to_bytes(4, "big") + body
    except (EOFError, ConnectionError):
        pass
    return read


def _parse(name: bytes, text: bytes) -> bytes:
    return Parse(name, text).encode()


def _bind(portal: bytes, name: bytes) -> bytes:
    return Bind(portal, name, _NOTHING).encode()


def test_a_statement_that_changes_under_execute(session: WireSession, stored: list[str]) -> None:
    """Its rows were described as those of a harmless one."""
    described = _ask(
        session, _parse(b"a", _SEX), _parse(b"", b"EXECUTE a"), _bind(b"e", b""), Describe(b"P", b"e").encode()
    )
    assert types(described) == "112TZ"
    changed = _ask(session, Close(b"S", b"a").encode(), _parse(b"a", _NUMBERS))
    assert types(changed) == "31Z"
    answer = _rest(session, Execute(b"e").encode())
    assert not [number for number in stored if number.encode() in answer]


def test_a_portal_that_changes_under_fetch(session: WireSession, stored: list[str]) -> None:
    """Its rows were described as those of a harmless one."""
    described = _ask(
        session,
        _parse(b"a", _SEX),
        _bind(b"c", b"a"),
        _parse(b"", b"FETCH ALL FROM c"),
        _bind(b"f", b""),
        Describe(b"P", b"f").encode(),
    )
    assert types(described) == "1212TZ"
    changed = _ask(session, Close(b"P", b"c").encode(), _parse(b"t", _NUMBERS), _bind(b"c", b"t"))
    assert types(changed) == "312Z"
    answer = _rest(session, Execute(b"f").encode())
    assert not [number for number in stored if number.encode() in answer]


@pytest.mark.parametrize("by_sql", [False, True])
def test_a_token_bound_to_another_statement_than_the_one_meant(
    linking: ProxyProcess, stored: list[str], by_sql: bool
) -> None:
    """What a token stands for would come back from a statement that says its parameter as it is."""
    with linking.connect("linker") as connection:
        tokens = [row[0] for row in connection.execute("SELECT mrn FROM clinic.patients WHERE patient_id < 9")]
    wanted = b"SELECT count(*) FROM clinic.patients WHERE mrn = $1"
    with wire_session(linking.connect("linker")) as session:
        _ask(session, _parse(b"a", b"SELECT $1::text"))
        lost = Describe(b"S", b"nobody").encode(), Close(b"S", b"a").encode(), _parse(b"a", wanted), SYNC_MESSAGE
        cell = len(tokens[0]).to_bytes(4, "big") + tokens[0].encode()
        bind = Bind(b"", b"a", b"\0\0\0\1" + cell + b"\0\0").encode()
        run = bind, Describe(b"P", b"").encode(), Execute(b"").encode(), SYNC_MESSAGE
        session.send(*lost, *([Query(b"EXECUTE a('" + tokens[0].encode() + b"')").encode()] if by_sql else run))
        assert types(session.until("Z")) == "E(26000)Z"
        try:
            answer = str(session.until("Z"))
        except (EOFError, ConnectionError):
            answer = ""
    assert not [number for number in stored if number in answer]


def test_guessing_by_an_argument_of_execute(session: WireSession, stored: list[str]) -> None:
    """A number that is known from elsewhere finds nobody, however the comparison is executed."""
    count = b"SELECT 7000 + count(*) FROM clinic.patients WHERE mrn = $1"
    _ask(session, _parse(b"a", count))
    guess = b"EXECUTE a('" + stored[0].encode() + b"')"
    session.send(Query(guess).encode())
    assert b"7000" in dict(session.until("Z"))["D"]
    session.send(
        *(Describe(b"S", b"nobody").encode(), Close(b"S", b"a").encode(), _parse(b"a", b"SELECT $1::text")),
        SYNC_MESSAGE,
    )
    answer = _rest(session, Query(guess).encode())
    assert b"7001" not in answer


def test_a_view_with_tokens_is_not_written(linking: ProxyProcess, clinic: Clinic) -> None:
    """Nor is it read by RETURNING: nothing stands between a statement that writes and what is stored."""
    with clinic.connect() as owner:
        owner.execute("GRANT INSERT, UPDATE, DELETE ON sales.regions TO pgveil")
        (view,) = owner.execute("SELECT to_regclass('clinic.active_patients') IS NOT NULL").fetchone() or (False,)
    assert view
    with linking.connect("linker") as connection:
        for text in (
            "UPDATE sales.regions SET name = a.mrn FROM clinic.active_patients a RETURNING a.mrn",
            "DELETE FROM sales.regions USING clinic.active_patients a WHERE false RETURNING a.mrn",
        ):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                connection.execute(text.encode())
