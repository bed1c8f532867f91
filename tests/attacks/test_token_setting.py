"""``SET pgveil.token``: who asks until further notice may be narrowed, and nothing else can be done with it.

Must not know: how the proxy works. Invariant: whatever is set, rolled back, reset or forged, no role sees more than the
login's own, each statement is on somebody's record, and no token reaches the server, the log, the journal, the metrics
or an error; what is in force after any transaction is what Postgres says of a setting of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import psycopg
import pytest

from proxy.wire.backend import parse_error_response
from proxy.wire.frontend import SYNC_MESSAGE, Bind, Execute, Parse, Query
from tests.attacks.asking import NARROWER, QUERY, ROLES
from tests.support.postgres import Clinic
from tests.support.proxy_process import Connection, ProxyProcess
from tests.support.wire_session import WireSession, types, wire_session

ACCOUNT = "dana@example.org"  # whose login it is


def token(proxy: ProxyProcess, *roles: str, subject: str = "ada@example.org", **more: Any) -> str:
    """Somebody's token."""
    return proxy.issuer.mint(subject=subject, roles=roles, **more)


def set_token(proxy: ProxyProcess, *roles: str, local: bool = False, said: str = "", **more: Any) -> str:
    """The statement that has somebody ask from now on."""
    return f"SET {'LOCAL ' if local else ''}pgveil.token = '{said}{token(proxy, *roles, **more)}'"


def rows(connection: Connection, text: str, **options: Any) -> list[tuple[Any, ...]]:
    """All rows of a statement that the test has put together."""
    return connection.execute(text.encode(), **options).fetchall()


def run(connection: Connection, text: str, **options: Any) -> None:
    """A statement that the test has put together."""
    connection.execute(text.encode(), **options)


def refused(connection: Connection, text: str, **options: Any) -> str:
    """Message, detail and hint of the refusal with 42501."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        connection.execute(text.encode(), **options)
    assert "eyJ" not in str(caught.value)
    return f"{caught.value.diag.message_primary} {caught.value.diag.message_detail} {caught.value.diag.message_hint}"


@pytest.fixture(scope="module")
def seen(hinting: ProxyProcess) -> Callable[[str], list[tuple[Any, ...]]]:
    """What a login of a role sees."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for role in ROLES:
        with hinting.connect(role) as direct:
            if role == "billing":
                run(direct, set_token(hinting, "billing"))
            found[role] = rows(direct, QUERY)
    return found.__getitem__


Seen = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize(("own", "named"), list(product(NARROWER, ROLES)))
def test_it_never_widens(hinting: ProxyProcess, seen: Seen, own: str, named: str) -> None:
    """A session sees exactly what a login of that role sees, or is told which column would be wider."""
    with hinting.connect(own) as session:
        if named not in NARROWER[own]:
            assert "can only narrow" in refused(session, set_token(hinting, named))
            return
        run(session, set_token(hinting, named))
        for options in ({}, {"prepare": True}, {"prepare": True}, {"binary": True}):
            assert rows(session, QUERY, **options) == seen(named)


def test_it_ends_when_a_setting_of_postgres_does(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """SET, SET LOCAL, RESET, DEFAULT, an empty value, RESET ALL, DISCARD ALL, rollbacks and savepoints."""
    clear, masked, other = seen("clinician"), seen("analyst"), seen("partner_acme")
    analyst, partner = set_token(hinting, "analyst"), set_token(hinting, "partner_acme")
    local = set_token(hinting, "partner_acme", local=True)
    for ending in (
        "RESET pgveil.token", "SET pgveil.token TO DEFAULT", "SET pgveil.token = ''", "RESET ALL", "DISCARD ALL",
        "SET SESSION pgveil.token TO ''",
    ):  # fmt: skip
        run(login, analyst)
        assert rows(login, QUERY) == masked
        run(login, ending)
        assert rows(login, QUERY) == clear, ending
    run(login, analyst)
    for steps, expected in (
        (("BEGIN", partner, "ROLLBACK"), masked),
        (("BEGIN", partner, "COMMIT"), other),
        ((analyst,), masked),
        (("BEGIN", local), other),
        (("COMMIT",), masked),
        (("BEGIN", "SAVEPOINT a", partner, "ROLLBACK TO a"), masked),
        ((partner, "RELEASE a", "COMMIT"), other),
        (("BEGIN", "RESET pgveil.token", "ROLLBACK"), other),
        (("BEGIN; " + analyst, "SAVEPOINT a; RESET pgveil.token"), clear),
        (("ROLLBACK TO a",), masked),
        (("ROLLBACK",), other),
        (("RESET pgveil.token",), clear),
        ((local,), clear),  # SET LOCAL outside of a transaction lasts for its own statement
    ):
        for step in steps:
            run(login, step)
        for options in ({}, {"prepare": True}):
            assert rows(login, QUERY, **options) == expected, steps


def test_a_failed_transaction_takes_it_back(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """Also the implicit one of a text with several statements."""
    run(login, "BEGIN")
    run(login, set_token(hinting, "analyst"))
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(login, "SELECT 1/0")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        run(login, set_token(hinting, "partner_acme"))
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        run(login, QUERY)
    run(login, "ROLLBACK")
    assert rows(login, QUERY) == seen("clinician")
    with pytest.raises(psycopg.errors.DivisionByZero):
        run(login, set_token(hinting, "analyst") + "; SELECT 1/0")
    assert rows(login, QUERY) == seen("clinician")


def test_in_texts_with_several_statements(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """What follows in the text is already asked by the new one; what might not be is refused."""
    narrow = set_token(hinting, "analyst")
    masked = seen("analyst")
    for text in (
        f"{narrow}; {QUERY}",
        f"BEGIN; {narrow}; {QUERY}",
        f"SET work_mem = '8MB';\n -- a\n{narrow};;{QUERY};",
    ):
        cursor = login.execute(text.encode())
        while cursor.nextset():
            pass
        assert cursor.fetchall() == masked
        assert rows(login, QUERY) == masked
        run(login, "ROLLBACK" if text.startswith("BEGIN") else "RESET pgveil.token")
        assert rows(login, QUERY) == seen("clinician")
    for text in (
        f"{QUERY}; {narrow}", f"{narrow}; {narrow}", f"{narrow}; RESET pgveil.token; {narrow}",
        f"/* pgveil: {token(hinting, 'analyst')} */ {narrow}",
    ):  # fmt: skip
        assert "before the statement" in refused(login, text)
    for text in (f"{narrow}; RESET pgveil.token; {QUERY}", f"{narrow}; ROLLBACK; {QUERY}"):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            run(login, text)
    assert rows(login, QUERY) == seen("clinician")


def test_a_comment_holds_for_its_statement(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """It is judged against the login, as without the setting, which is in force again afterwards."""
    run(login, set_token(hinting, "analyst", subject="eve@example.org"))
    said = f"/* pgveil: {token(hinting, 'partner_acme')} */ "
    for _ in range(2):
        assert rows(login, said + QUERY) == seen("partner_acme")
        assert rows(login, said + QUERY, prepare=True) == seen("partner_acme")
        assert rows(login, QUERY) == seen("analyst")
        assert rows(login, QUERY, prepare=True) == seen("analyst")
    bad = f"/* pgveil: {token(hinting, 'analyst')[:-9]}AAAAAAAAA */ "
    assert "not accepted" in refused(login, bad + QUERY)
    assert rows(login, QUERY) == seen("analyst")


def test_who_is_on_the_record(hinting: ProxyProcess, login: Connection) -> None:
    """The person with the login beside it until it ends, refusals too."""
    run(login, set_token(hinting, "analyst", subject="eve@example.org", purpose="audit"))
    rows(login, QUERY)
    with pytest.raises(psycopg.Error):
        run(login, "SELECT * FROM clinic.nowhere")
    run(login, "RESET pgveil.token")
    rows(login, QUERY)
    *_, setting, asked, _reset, own = [r for r in hinting.journal() if r["type"] == "statement"]
    for record in (setting, asked):
        assert (record["principal"], record["login"], record["role"], record["purpose"]) == (
            "eve@example.org", ACCOUNT, "analyst", "audit",
        )  # fmt: skip
    assert (own["principal"], own["login"], own["role"]) == (ACCOUNT, None, "clinician")
    refusal = [r for r in hinting.journal() if r["type"] == "refusal"][-1]
    assert (refusal["principal"], refusal["login"]) == ("eve@example.org", ACCOUNT)


def test_no_token_is_left_anywhere(hinting: ProxyProcess, login: Connection, clinic: Clinic) -> None:
    """Not in pg_stat_activity, log, journal, metrics or errors, whatever is wrong with the statement."""
    said = token(hinting, "analyst")
    for text in (
        f"SET pgveil.token = '{said}'", f"SET pgveil.token TO '{said}'; SELECT 1/0", f"SET pgveil.token '{said}'",
        f"SET pgveil.token = '{said}", f'SET pgveil.token = "{said}"', f"SET pgveil.token = {said}",
        f"SET pgveil.token = E'{said}'", f"SET pgveil.token = '{said}', 'b'", f'SET "pgveil"."token" = \'{said}\'',
        f'SET pgveil."{said}" = 1', f"SET pgveil.{said} = 1", f"SET PGVEIL.TOKEN = '{said}'; SELEC",
        f"SET pgveil.other = '{said}'", f"SELECT set_config('pgveil.token', '{said}', false)",
        f"SELECT 'pgveil', '{said}'", f"PREPARE p AS SELECT 'pgveil.token {said}'", f"SET PGVEIL.TOKEN='{said}'",
        f"ALTER ROLE pgveil SET pgveil.token = '{said}'", f"COPY (SELECT 'pgveil {said}') TO STDOUT",
    ):  # fmt: skip
        for options in ({}, {"prepare": True}):
            with_error = ""
            try:
                run(login, text, **options)
            except psycopg.Error as error:
                with_error = f"{error} {error.diag.message_detail} {error.diag.context} {error.diag.statement_position}"
            assert "eyJ" not in with_error, text
            assert not with_error or with_error.endswith("None")
            login.rollback()
            with clinic.connect() as superuser:
                running = superuser.execute("SELECT string_agg(query, ' ') FROM pg_stat_activity").fetchone()
            assert running is not None
            assert "eyJ" not in str(running)
    kept = hinting.log() + (hinting.folder / "journal.jsonl").read_text() + hinting.metrics()
    assert "eyJ" not in kept


def test_it_is_not_shown(hinting: ProxyProcess, login: Connection) -> None:
    """Neither the token, nor what stands for it at the server."""
    run(login, set_token(hinting, "clinician"))
    for text in (
        "SHOW pgveil.token", "SELECT current_setting('pgveil.token')", "SELECT current_setting('pgveil.token', true)",
        "SELECT set_config('pgveil.token', '', false)", "SELECT set_config('pgveil.token', current_user, false)",
    ):  # fmt: skip
        assert "pgveil.token" in refused(login, text)
    assert rows(login, "SELECT count(*) FROM pg_catalog.pg_settings WHERE name ILIKE 'pgveil%'") == [(0,)]


def test_what_stands_for_a_token_at_the_server_is_no_token(
    hinting: ProxyProcess, login: Connection, clinic: Clinic, seen: Seen
) -> None:
    """Who sees it in pg_stat_activity cannot set it."""
    run(login, set_token(hinting, "analyst"))
    with clinic.connect() as superuser:
        activity = "SELECT query FROM pg_stat_activity WHERE query LIKE 'SET pgveil.token = %'"
        found = superuser.execute(activity).fetchone()
    assert found is not None
    reference = found[0].split("'")[1]
    run(login, "RESET pgveil.token")
    for value in (reference, f" {reference}", "x"):
        assert "set this way" in refused(login, f"SET pgveil.token = '{value}'")
    assert rows(login, QUERY) == seen("clinician")


def test_tokens_that_are_not_accepted(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """Another audience, forged, expired, a role that it lacks: the SET fails, and what was in force still is."""
    run(login, set_token(hinting, "analyst"))
    forged = token(hinting, "analyst")[:-9] + "AAAAAAAAA"
    for statement, words in (
        (set_token(hinting, "analyst", audience="other"), "another audience"),
        (f"SET pgveil.token = '{forged}'", "signature"),
        (set_token(hinting, "analyst", not_before=time.time() - 7200, lifetime=timedelta(hours=1)), "has expired"),
        (set_token(hinting, "analyst", said="billing "), "does not have the role"),
        (set_token(hinting, "analyst", "billing"), "which role is meant"),
        ("SET pgveil.token = 'a.b.c'", "not a token"),
    ):
        for options in ({}, {"prepare": True}):
            assert words in refused(login, statement, **options)
        assert rows(login, QUERY) == seen("analyst")
    run(login, set_token(hinting, "analyst", "partner_acme", said="partner_acme "))
    assert rows(login, QUERY) == seen("partner_acme")


def test_one_that_expires(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """Nothing is read any more, by new or prepared statements or cursors, until another is set or it is reset."""
    run(login, set_token(hinting, "analyst", lifetime=timedelta(seconds=4)))
    assert rows(login, QUERY, prepare=True) == seen("analyst")
    run(login, "BEGIN")
    run(login, "DECLARE c CURSOR FOR SELECT ssn FROM clinic.patients")
    rows(login, "FETCH 1 FROM c")
    time.sleep(4.1)
    assert "has expired" in refused(login, "FETCH 1 FROM c")
    run(login, "ROLLBACK")
    for text in (QUERY, "SELECT 1", "TABLE reference.zip_areas"):
        for options in ({}, {"prepare": True}):
            assert "has expired" in refused(login, text, **options)
    run(login, "BEGIN")
    run(login, "COMMIT")
    run(login, "SET work_mem = '4MB'")
    run(login, set_token(hinting, "partner_acme"))
    assert rows(login, QUERY, prepare=True) == seen("partner_acme")
    run(login, "DISCARD ALL")
    assert rows(login, QUERY) == seen("clinician")


def test_cursors_and_portals_are_whose_they_were(hinting: ProxyProcess, login: Connection) -> None:
    """What was opened before is closed when somebody else asks."""
    run(login, "BEGIN")
    run(login, "DECLARE wide CURSOR WITH HOLD FOR SELECT ssn FROM clinic.patients")
    run(login, set_token(hinting, "analyst"))
    with pytest.raises(psycopg.errors.InvalidCursorName):
        run(login, "FETCH 1 FROM wide")
    run(login, "ROLLBACK")
    with hinting.connect("clinician") as connection, wire_session(connection) as session:
        _portals(session, set_token(hinting, "analyst").encode())


def _portals(session: WireSession, statement: bytes) -> None:
    """Two portals of one flight; between their executions somebody else is set to ask."""
    query = QUERY.encode()
    session.send(
        Parse(b"q", query).encode(), Bind(b"a", b"q", bytes(6)).encode(), Execute(b"a", 1).encode(),
        Parse(b"", statement).encode(), Bind(b"", b"", bytes(6)).encode(), Execute(b"").encode(),
        Execute(b"a", 1).encode(), SYNC_MESSAGE,
    )  # fmt: skip
    assert types(session.until("Z")) == "12Ds12CE(34000)Z"
    session.send(Query(b"SELECT 1").encode())
    assert types(session.until("Z")) == "TDCZ"


def test_in_one_flight(hinting: ProxyProcess, seen: Seen) -> None:
    """What is prepared, bound and run behind the SET is asked by the new one, and the end of the flight may undo it."""
    with hinting.connect("clinician") as connection:
        with connection.pipeline():
            found = [
                connection.execute(text.encode())
                for text in (QUERY, set_token(hinting, "analyst"), QUERY, "RESET pgveil.token", QUERY)
            ]
            got = [found[0].fetchall(), found[2].fetchall(), found[4].fetchall()]
        assert got == [seen("clinician"), seen("analyst"), seen("clinician")]
    with hinting.connect("clinician") as connection, wire_session(connection) as session:
        run_one = (Bind(b"", b"", bytes(6)).encode(), Execute(b"").encode())
        local = set_token(hinting, "analyst", local=True).encode()
        query = Parse(b"", b"SELECT ssn FROM clinic.patients WHERE patient_id = 1").encode()
        session.send(Parse(b"", local).encode(), *run_one, query, *run_one, SYNC_MESSAGE, query, *run_one, SYNC_MESSAGE)
        first, second = session.until("Z"), session.until("Z")
        values = [body for tag, body in first + second if tag == "D"]
        assert len(values) == 2
        assert values[0] != values[1]
        assert values[0].endswith(b"\xff\xff\xff\xff")  # the analyst sees no number


def test_required_hints(hinting: ProxyProcess, seen: Seen) -> None:
    """A login that needs hints reads relations once a token is set, and no more when it is not."""
    with hinting.connect("billing") as session:
        assert "whom a hint names" in refused(session, QUERY)
        run(session, set_token(hinting, "billing"))
        assert rows(session, QUERY) == seen("billing")
        run(session, "RESET pgveil.token")
        assert "whom a hint names" in refused(session, QUERY)


def test_many_changes(hinting: ProxyProcess, login: Connection, seen: Seen) -> None:
    """Two people take turns; where a rollback brings back one from long ago, nothing runs until another is set."""
    two = [set_token(hinting, "analyst"), set_token(hinting, "partner_acme")]
    for turn in range(30):
        run(login, two[turn % 2], prepare=turn % 3 == 0)
        assert rows(login, QUERY, prepare=turn % 5 == 0) == seen(("analyst", "partner_acme")[turn % 2])
    run(login, "BEGIN")
    for number in range(20):
        run(login, set_token(hinting, "analyst", subject=f"p{number}"))
    run(login, "ROLLBACK")
    assert "pgveil did not give it" in refused(login, QUERY)
    run(login, "RESET pgveil.token")
    assert rows(login, QUERY) == seen("clinician")


_SET = [
    f"SET{kind} pgveil.token = '{role}'" for kind in ("", " LOCAL", " SESSION") for role in ("analyst", "partner_acme")
]
_WEIGHTS = {
    "BEGIN": 4, "COMMIT": 2, "ROLLBACK": 2, "SAVEPOINT s": 2, "ROLLBACK TO s": 2, "RELEASE s": 1, "SELECT 1": 2,
    "SELECT 1/0": 1, "RESET pgveil.token": 1, "RESET ALL": 1, "SET search_path = clinic": 1, "SET work_mem = '5MB'": 1,
    "SET pgveil.token = 'clinician'": 1, **dict.fromkeys(_SET, 2),
}  # fmt: skip


_ASK = "SELECT coalesce(nullif(current_setting('pgveil.token', true), ''), 'clinician')"


class _Steps:
    """Random statements, each for the proxy and for a bare server, whose setting has the role in the token's place."""

    def __init__(self, proxy: ProxyProcess, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same each time
        self._tokens = {role: token(proxy, role) for role in ("analyst", "partner_acme", "clinician")}

    def next(self, most: int = 3) -> tuple[str, str]:
        """One text of up to so many statements, and the same for the bare server."""
        count = self._random.choice((1, *range(1, most + 1)))
        chosen = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count)
        return "; ".join(self._as(word, self._tokens.get) for word in chosen), "; ".join(chosen)

    def _as(self, word: str, named: Callable[[str], str | None]) -> str:
        for role in self._tokens:
            word = word.replace(f"'{role}'", f"'{named(role)}'")
        return word


@pytest.mark.parametrize("seed", range(3))
def test_what_is_in_force_is_what_postgres_says(hinting: ProxyProcess, clinic: Clinic, seen: Seen, seed: int) -> None:
    """After any sequence of statements the session sees what the setting of a bare server, set likewise, would name."""
    steps = _Steps(hinting, seed)
    found = []
    with hinting.connect("clinician") as session, clinic.connect() as bare:
        for number in range(60):
            text, plain = steps.next()
            options = {"prepare": True} if ";" not in text and number % 3 == 0 else {}
            outcomes, failed = [], bare.info.transaction_status is psycopg.pq.TransactionStatus.INERROR
            for connection, sent in ((session, text), (bare, plain)):
                try:
                    run(connection, sent, **options)
                    outcomes.append("")
                except psycopg.Error as error:
                    outcomes.append(str(error.sqlstate))
            if outcomes[0] != outcomes[1]:
                ours = ("0A000", "42501", "25P02") if failed else ("0A000", "42501")
                assert outcomes[0] in ours, (plain, outcomes)  # a text that is refused whole
                for connection in (session, bare):
                    run(connection, "ROLLBACK")
                    run(connection, "RESET pgveil.token")
            if bare.info.transaction_status is psycopg.pq.TransactionStatus.INERROR:
                with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                    rows(session, QUERY)
                continue
            role = rows(bare, _ASK)[0][0]
            assert rows(session, QUERY, **options) == seen(role), text
            found.append(role)
    assert len(set(found)) > 1


def _flight(session: WireSession, texts: list[str], query: str) -> list[bytes | str]:
    """What comes of each of the texts, and of the query behind each, sent at once: rows, or the error that ends it."""
    messages = []
    for text in texts:
        for one in (text, query):
            messages += [Parse(b"", one.encode()).encode(), Bind(b"", b"", bytes(6)).encode(), Execute(b"").encode()]
    session.send(*messages, SYNC_MESSAGE)
    found = session.until("Z")
    errors = [parse_error_response(body).sqlstate for tag, body in found if tag == "E"]
    return [body for tag, body in found if tag == "D"] + errors + [found[-1][1]]


@pytest.mark.parametrize("seed", range(3))
def test_in_flights_too(hinting: ProxyProcess, clinic: Clinic, seed: int) -> None:
    """The same where the statements are sent at once, by extended protocol with one Sync."""
    steps = _Steps(hinting, seed)
    one = "SELECT ssn, zip FROM clinic.patients WHERE patient_id = 1"
    shown = {}
    for role in ("clinician", "analyst", "partner_acme"):
        with hinting.connect(role) as direct, wire_session(direct) as session:
            shown[role], _ = _flight(session, [one], "")
    compared = set()
    with (
        hinting.connect("clinician") as mine, wire_session(mine) as session,
        clinic.connect() as theirs, wire_session(theirs) as bare,
    ):  # fmt: skip
        for _ in range(15):
            texts = [steps.next(most=1) for _ in range(4)]
            named = _flight(bare, [plain for _, plain in texts], _ASK)
            expected = [shown.get(role[6:].decode(), role) if isinstance(role, bytes) else role for role in named]
            assert _flight(session, [text for text, _ in texts], one) == expected, [plain for _, plain in texts]
            compared |= set(named)
            if named[-1] == b"E":
                for each in (session, bare):
                    each.send(Query(b"ROLLBACK").encode())
                    each.until("Z")
    assert len(compared) > 3
