"""Every type of column with every codec that fits it, in every format and on every way in and out.

Must not know: how tokens are made. Invariant: no stored value comes out, and a token that came out finds its row again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from proxy.wire.backend import parse_data_row
from proxy.wire.frontend import FLUSH_MESSAGE, SYNC_MESSAGE, Bind, Close, Execute, Parse, Query
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess, run_proxy
from tests.support.wire_session import Message, WireSession, types, wire_session

COLUMNS: dict[str, tuple[LiteralString, str]] = {
    "text_text": ("text", "text"),
    "varchar_text": ("varchar(20)", "text"),
    "char_text": ("char(12)", "text"),
    "text_digits": ("text", "digits"),
    "varchar_digits": ("varchar(20)", "digits"),
    "char_digits": ("char(12)", "digits"),
    "integer_digits": ("integer", "digits"),
    "bigint_digits": ("bigint", "digits"),
    "uuid_uuid": ("uuid", "uuid"),
}
ROWS = 4
BASE = 914_477_000


def _stored(column: str, row: int) -> object:
    if column == "uuid_uuid":
        return UUID(int=(BASE << 64) + row)
    number = BASE + row
    return number if column in ("integer_digits", "bigint_digits") else str(number)


def _policy() -> str:
    kinds = "\n".join(f"  {c}: {{mask: {{token: {{domain: d, format: {f}}}}}}}" for c, (_, f) in COLUMNS.items())
    columns = ", ".join(f"{c}: {c}" for c in COLUMNS)
    return (
        f"version: 1\ndomains: {{d: {{}}}}\nkinds:\n{kinds}\n"
        "tables:\n"
        f"  kinds.one: {{columns: {{id: clear, {columns}}}}}\n"
        f"  kinds.two: {{columns: {{id: clear, {columns}}}}}\n"
        "roles:\n  analyst: {reads: [kinds.*]}\n"
    )


@pytest.fixture(scope="module")
def serving(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """Two tables with a column of each kind, the same values in both, behind a proxy."""
    folder: Path = tmp_path_factory.mktemp("token_types")
    name = "token_types"
    with clinic.connect(database="postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with clinic.connect(database=name) as owner:
                owner.execute("CREATE SCHEMA kinds")
                made = sql.SQL(", ").join(sql.SQL("{} " + t).format(sql.Identifier(c)) for c, (t, _) in COLUMNS.items())
                for table in ("one", "two"):
                    named = sql.Identifier("kinds", table)
                    owner.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY, {})").format(named, made))
                    for row in range(ROWS):
                        values = [row, *(_stored(column, row) for column in COLUMNS)]
                        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
                        owner.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(named, marks), values)
                    owner.execute(sql.SQL("INSERT INTO {} (id) VALUES (99)").format(named))
                owner.execute(
                    "GRANT USAGE ON SCHEMA kinds TO pgveil; GRANT SELECT ON ALL TABLES IN SCHEMA kinds TO pgveil"
                )
            policy = folder / "policy.yaml"
            policy.write_text(_policy())
            own = replace(clinic, database=name)
            with run_proxy(folder / "proxy", own, policy=policy, database=name, keys=True) as proxy:
                yield proxy
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def session(serving: ProxyProcess) -> Iterator[psycopg.Connection[Any]]:
    """The analyst's."""
    with serving.connect("analyst") as connection:
        yield connection


def _tokens(session: psycopg.Connection[Any], column: str, *, binary: bool = False) -> list[Any]:
    text = f"SELECT {column} FROM kinds.one WHERE id < 99 ORDER BY id"
    return [row[0] for row in session.execute(text.encode(), binary=binary)]


@pytest.mark.parametrize("column", COLUMNS)
def test_results_are_tokens_in_both_formats(session: psycopg.Connection[Any], column: str) -> None:
    """The same in both, another for each value, none of them stored; NULL stays NULL."""
    tokens = _tokens(session, column)
    assert tokens == _tokens(session, column, binary=True)
    stored = [_stored(column, row) for row in range(ROWS)]
    assert len(set(tokens)) == ROWS
    assert not {str(token).strip() for token in tokens} & {str(value) for value in stored}
    if COLUMNS[column][1] != "text":  # type and length stay
        assert [type(t) for t in tokens] == [type(s) for s in stored]
        assert {len(str(t).strip()) for t in tokens} == {len(str(s)) for s in stored}
    assert session.execute(f"SELECT {column} FROM kinds.one WHERE id = 99".encode()).fetchall() == [(None,)]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("column", COLUMNS)
def test_parameters_and_literals_find_their_rows(session: psycopg.Connection[Any], column: str, binary: bool) -> None:
    """One by one, as arrays and as literals; a stored value finds nothing and raises nothing."""
    mark = "%b" if binary else "%t"
    for row, shown in enumerate(_tokens(session, column)):
        token = shown.strip() if isinstance(shown, str) else shown  # char(n) is not compared with its blanks as text
        for text, given in (
            (f"SELECT id FROM kinds.one WHERE {column} = {mark}", token),
            (f"SELECT id FROM kinds.one WHERE {column} = ANY({mark})", [token]),
            (f"SELECT id FROM kinds.two WHERE {column} IN ({mark}, NULL)", token),
        ):
            assert session.execute(text.encode(), (given,)).fetchall() == [(row,)]
            assert session.execute(text.encode(), (given,), prepare=True).fetchall() == [(row,)]
        assert session.execute(f"SELECT id FROM kinds.one WHERE {column} = '{token}'".encode()).fetchall() == [(row,)]
        stored = _stored(column, row)
        found = session.execute(f"SELECT id FROM kinds.one WHERE {column} = {mark}".encode(), (stored,)).fetchall()
        assert found == []
    if COLUMNS[column][0] in ("integer", "bigint"):
        for small in (0, 1, -1, 40_000, 2**31 - 1):
            assert (
                session.execute(f"SELECT id FROM kinds.one WHERE {column} = {mark}".encode(), (small,)).fetchall() == []
            )


@pytest.mark.parametrize("options", ["", " (FORMAT csv)", " (FORMAT binary)"])
def test_copy_carries_the_same_tokens(session: psycopg.Connection[Any], options: str) -> None:
    """All columns at once."""
    names = ", ".join(COLUMNS)
    expected = session.execute(f"SELECT {names} FROM kinds.one WHERE id < 99 ORDER BY id".encode()).fetchall()
    text = f"COPY (SELECT {names} FROM kinds.one WHERE id < 99 ORDER BY id) TO STDOUT{options}"
    if "binary" in options:
        with session.cursor().copy(text.encode()) as copy:
            copy.set_types(["uuid" if c == "uuid_uuid" else _copied(c) for c in COLUMNS])
            assert list(copy.rows()) == expected
        return
    with session.cursor().copy(text.encode()) as copy:
        lines = b"".join(bytes(piece) for piece in copy).decode().splitlines()
    separator = "," if options else "\t"
    assert [line.split(separator) for line in lines] == [[str(value) for value in row] for row in expected]


def _copied(column: str) -> str:
    return {"integer_digits": "int4", "bigint_digits": "int8"}.get(column, "text")


@pytest.mark.parametrize("column", COLUMNS)
def test_joins_groups_and_order(session: psycopg.Connection[Any], column: str) -> None:
    """By the stored values, in the tokens' own order, which is stable."""
    joined = f"SELECT a.id, b.id FROM kinds.one a JOIN kinds.two b USING ({column}) ORDER BY a.id"
    assert session.execute(joined.encode()).fetchall() == [(row, row) for row in range(ROWS)]
    united = f"SELECT {column} FROM kinds.one UNION SELECT {column} FROM kinds.two ORDER BY 1"
    found = [row[0] for row in session.execute(united.encode()).fetchall()]
    assert found[-1] is None
    assert set(found[:-1]) == set(_tokens(session, column))
    ordered = f"SELECT {column} FROM kinds.one WHERE id < 99 ORDER BY {column}"
    assert [row[0] for row in session.execute(ordered.encode()).fetchall()] == found[:-1]
    extremes = f"SELECT min({column}), max({column}) FROM kinds.one"
    shown = session.execute(extremes.encode()).fetchall()[0]
    assert [str(token).strip() for token in shown] == [str(token).strip() for token in (found[0], found[-2])]


@pytest.mark.parametrize("binary", [False, True])
def test_cursors_are_fetched_in_pieces(session: psycopg.Connection[Any], binary: bool) -> None:
    """DECLARE, then FETCH row by row and in pieces, with tokens in all."""
    names = ", ".join(COLUMNS)
    text = f"SELECT {names} FROM kinds.one WHERE id < 99 ORDER BY id"
    expected = session.execute(text.encode(), binary=binary).fetchall()
    with session.transaction(), session.cursor("pieces", binary=binary) as cursor:
        cursor.execute(text.encode())
        assert cursor.fetchone() == expected[0]
        assert cursor.fetchmany(2) == expected[1:3]
        assert cursor.fetchall() == expected[3:]


_NAMES = ", ".join(COLUMNS)
_FORWARD = f"SELECT id, {_NAMES} FROM kinds.one ORDER BY id"
_BACKWARD = f"SELECT {', '.join(reversed(COLUMNS))}, 'x' AS x FROM kinds.two WHERE id < 99 ORDER BY id DESC"


def _shown(session: psycopg.Connection[Any], *, binary: bool) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The cells of both statements as they should come, made from what a plain SELECT in text shows."""
    columns = {
        c: [_cell(COLUMNS[c][0], token, binary=binary) for token in _tokens(session, c, binary=False)] for c in COLUMNS
    }
    ids = [_cell("integer", row, binary=binary) for row in (*range(ROWS), 99)]
    forward = list(zip(ids[:-1], *columns.values(), strict=True))
    backward = [(*reversed(row[1:]), b"x") for row in reversed(forward)]
    return [*forward, (ids[-1], *[None] * len(COLUMNS))], backward


def _cell(column_type: str, value: Any, *, binary: bool) -> bytes:
    if binary and isinstance(value, int):
        return value.to_bytes(8 if column_type == "bigint" else 4, "big", signed=True)
    if binary and isinstance(value, UUID):
        return value.bytes
    return str(value).encode()


def _step(session: WireSession, *messages: bytes, end: str = "sCE") -> tuple[str, list[tuple[bytes | None, ...]]]:
    """What these messages bring up to one of the types of ``end``: the types, each row's left out, and the rows."""
    session.send(*messages)
    heard: list[Message] = session.until(*end)
    return types([m for m in heard if m[0] != "D"]), [parse_data_row(body) for tag, body in heard if tag == "D"]


def _bound(portal: bytes, statement: bytes, *, binary: bool) -> bytes:
    return Bind(portal, statement, b"\0\0\0\0\0\1" + int(binary).to_bytes(2, "big")).encode()


@pytest.fixture
def wire(serving: ProxyProcess) -> Iterator[WireSession]:
    """A session of the analyst in a transaction, with both statements prepared."""
    with wire_session(serving.connect("analyst")) as opened:
        prepared = (Parse(b"f", _FORWARD.encode()).encode(), Parse(b"b", _BACKWARD.encode()).encode())
        assert _step(opened, Query(b"BEGIN").encode(), end="Z") == ("CZ", [])
        assert _step(opened, *prepared, SYNC_MESSAGE, end="Z") == ("11Z", [])
        yield opened


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_portals_are_suspended_and_go_on(
    session: psycopg.Connection[Any], wire: WireSession, declared: bool, binary: bool
) -> None:
    """By row limits, with Flush and with Sync between: every row once, in order, and with tokens in all."""
    expected, _ = _shown(session, binary=binary and not declared)
    if declared:  # BINARY is for FETCH: Execute takes the formats of Bind, and without one they are text
        text = f"DECLARE p {'BINARY ' if binary else ''}CURSOR FOR {_FORWARD}"
        assert _step(wire, Query(text.encode()).encode(), end="Z") == ("CZ", [])
    else:
        assert _step(wire, _bound(b"p", b"f", binary=binary), FLUSH_MESSAGE, end="2") == ("2", [])
    assert _step(wire, Execute(b"p", 1).encode(), FLUSH_MESSAGE) == ("s", expected[:1])
    assert _step(wire, Execute(b"p", 2).encode(), FLUSH_MESSAGE) == ("s", expected[1:3])
    assert _step(wire, SYNC_MESSAGE, end="Z") == ("Z", [])
    assert _step(wire, Execute(b"p", 1).encode(), SYNC_MESSAGE, end="Z") == ("sZ", expected[3:4])
    assert _step(wire, Execute(b"p", 9).encode(), FLUSH_MESSAGE) == ("C", expected[4:])
    assert _step(wire, Execute(b"p", 9).encode(), SYNC_MESSAGE, end="Z") == ("CZ", [])
    stored = [str(BASE).encode()[:6], (BASE << 64).to_bytes(16, "big")[:7], BASE.to_bytes(4, "big")[:3]]
    assert not [cell for row in expected for cell in row for value in stored if cell and value in cell]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("portal", [b"", b"p"])
def test_a_suspended_portal_gets_another_statement(
    session: psycopg.Connection[Any], wire: WireSession, portal: bytes, binary: bool
) -> None:
    """Its rows are treated by that statement's plan from then on, in its format, in one flight or step by step."""
    forward, _ = _shown(session, binary=binary)
    _, backward = _shown(session, binary=not binary)
    closed = [Close(b"P", portal).encode()] if portal else []  # the unnamed portal is replaced by Bind alone
    flight = (
        *(_bound(portal, b"f", binary=binary), Execute(portal, 2).encode(), *closed),
        *(_bound(portal, b"b", binary=not binary), Execute(portal, 3).encode(), Execute(portal, 3).encode()),
    )
    assert _step(wire, *flight, SYNC_MESSAGE, end="Z") == (f"2s{'3' * len(closed)}2sCZ", forward[:2] + backward)
    again = [Close(b"P", portal).encode()] if portal else []
    assert _step(wire, *again, _bound(portal, b"b", binary=not binary), SYNC_MESSAGE, end="Z")[1] == []
    assert _step(wire, Execute(portal, 1).encode(), FLUSH_MESSAGE) == ("s", backward[:1])
    _step(wire, *closed, _bound(portal, b"f", binary=binary), FLUSH_MESSAGE, end="2")
    assert _step(wire, Execute(portal, 4).encode(), FLUSH_MESSAGE) == ("s", forward[:4])
    assert _step(wire, Execute(portal, 4).encode(), SYNC_MESSAGE, end="Z") == ("CZ", forward[4:])


def test_a_suspended_portal_outlives_its_statement(session: psycopg.Connection[Any], wire: WireSession) -> None:
    """Also where the statement's name stands for another one meanwhile; and a name in use is not taken by Bind."""
    forward, _ = _shown(session, binary=False)
    _, backward = _shown(session, binary=False)
    assert _step(wire, _bound(b"p", b"f", binary=False), Execute(b"p", 2).encode(), FLUSH_MESSAGE) == (
        "2s",
        forward[:2],
    )
    other = (Close(b"S", b"f").encode(), Parse(b"f", _BACKWARD.encode()).encode(), _bound(b"q", b"f", binary=False))
    assert _step(wire, *other, Execute(b"q", 1).encode(), FLUSH_MESSAGE) == ("312s", backward[:1])
    assert _step(wire, Execute(b"p", 1).encode(), FLUSH_MESSAGE) == ("s", forward[2:3])
    assert _step(wire, Execute(b"q", 1).encode(), SYNC_MESSAGE, end="Z") == ("sZ", backward[1:2])
    assert _step(wire, Execute(b"p", 1).encode(), SYNC_MESSAGE, end="Z") == ("sZ", forward[3:4])
    taken = (_bound(b"p", b"b", binary=False), Execute(b"p", 1).encode(), SYNC_MESSAGE)
    assert _step(wire, *taken, end="Z") == ("E(42P03)Z", [])
