"""The allow-list of statement kinds and settings."""

from __future__ import annotations

import pytest

from proxy.errors import Refusal
from proxy.planner import grammar
from proxy.planner.judge import Body, Judgement, judge
from proxy.planner.plan import Effects, StatementKind
from proxy.planner.references import inner


def judged(sql: str) -> Judgement:
    """The verdict on one statement."""
    return judge(inner(grammar.parse(sql).stmts[0].stmt))


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", StatementKind.SELECT),
        ("TABLE a", StatementKind.SELECT),
        ("VALUES (1)", StatementKind.SELECT),
        ("INSERT INTO a VALUES (1)", StatementKind.WRITE),
        ("WITH x AS (DELETE FROM a RETURNING 1) SELECT * FROM x", StatementKind.WRITE),
        ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", StatementKind.WRITE),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", StatementKind.TRANSACTION),
        ("SAVEPOINT x", StatementKind.TRANSACTION),
        ("SET TIME ZONE 'UTC'", StatementKind.SETTING),
        ("SET NAMES 'UTF8'", StatementKind.SETTING),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", StatementKind.SETTING),
        ("SHOW transaction_isolation", StatementKind.SETTING),
        ("DECLARE c CURSOR FOR SELECT 1", StatementKind.DECLARE),
        ("FETCH 10 FROM c", StatementKind.CURSOR),
        ("COPY (SELECT 1) TO STDOUT", StatementKind.COPY_OUT),
        ("COPY a TO STDOUT", StatementKind.COPY_OUT),
        ("EXPLAIN SELECT 1", StatementKind.EXPLAIN),
        ("UNLISTEN *", StatementKind.SESSION),
        ("LOCK TABLE a, ONLY b.c IN ACCESS SHARE MODE NOWAIT", StatementKind.LOCK),
        ("SET TRANSACTION SNAPSHOT '00000003-0000001B-1'", StatementKind.SETTING),
    ],
)
def test_what_tools_need_is_known(sql: str, kind: StatementKind) -> None:
    """Each kind that is allowed gets its name."""
    assert kind is judged(sql).kind


@pytest.mark.parametrize(
    ("sql", "effects"),
    [
        ("SET search_path = a, b", Effects(search_path=True)),
        ("SET LOCAL search_path TO a", Effects(search_path=True)),
        ("SET SCHEMA 'a'", Effects(search_path=True)),
        ("RESET ALL", Effects(search_path=True)),
        ("RESET search_path", Effects(search_path=True)),
        ("SET SESSION AUTHORIZATION DEFAULT", Effects(search_path=True)),
        ("RESET SESSION AUTHORIZATION", Effects(search_path=True)),
        ("SELECT set_config('search_path', 'a', false)", Effects(search_path=True)),
        ("SELECT pg_catalog.set_config('Search_Path', 'a', false)", Effects(search_path=True)),
        ("ROLLBACK", Effects(search_path=True)),
        ("ROLLBACK TO x", Effects(search_path=True)),
        ("COMMIT", Effects(search_path=True)),
        ("BEGIN", Effects()),
        ("SET work_mem = '64MB'", Effects()),
        ("DISCARD ALL", Effects(search_path=True, deallocates="*", closes="*")),
        ("DISCARD PLANS", Effects()),
        ("DEALLOCATE ALL", Effects(deallocates="*")),
        ('DEALLOCATE "S_1"', Effects(deallocates="S_1")),
        ("CLOSE ALL", Effects(closes="*")),
        ("CLOSE c", Effects(closes="c")),
    ],
)
def test_effects_on_the_session_are_told(sql: str, effects: Effects) -> None:
    """The session learns what the statement changes in its state."""
    assert effects == judged(sql).effects


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("CREATE TABLE a (b int)", "0A000"),
        ("CREATE TABLE a AS SELECT 1", "0A000"),
        ("SELECT 1 INTO a", "0A000"),
        ("DROP TABLE a", "0A000"),
        ("TRUNCATE a", "0A000"),
        ("LOCK TABLE a", "0A000"),
        ("DO $$ BEGIN END $$", "0A000"),
        ("CALL p()", "0A000"),
        ("LISTEN a", "0A000"),
        ("NOTIFY a", "0A000"),
        ("PREPARE p AS CREATE TABLE t ()", "42601"),
        ("DECLARE c CURSOR FOR SELECT set_config('search_path', 'x', false)", "0A000"),
        ("EXECUTE p((SELECT ssn FROM patients))", "0A000"),
        ("COPY a TO STDOUT (ENCODING 'LATIN1')", "0A000"),
        ("EXPLAIN EXECUTE p", "0A000"),
        ("EXPLAIN CREATE TABLE x AS SELECT 1", "0A000"),
        ("VACUUM", "0A000"),
        ("GRANT ALL ON a TO b", "0A000"),
        ("COPY a FROM STDIN", "0A000"),
        ("COPY a TO '/tmp/x'", "42501"),
        ("COPY a TO PROGRAM 'x'", "42501"),
        ("COPY (DELETE FROM a RETURNING *) TO STDOUT", "0A000"),
        ("PREPARE TRANSACTION 'x'", "0A000"),
        ("SET ROLE a", "42501"),
        ("SET SESSION AUTHORIZATION a", "42501"),
        ("SET session_replication_role = replica", "42501"),
        ("SET row_security = off", "42501"),
        ("SET client_encoding = 'LATIN1'", "0A000"),
        ("SET NAMES 'SJIS'", "0A000"),
        ("SET standard_conforming_strings = off", "0A000"),
        ("SHOW ALL", "42501"),
        ("SHOW primary_conninfo", "42501"),
        ("SELECT set_config('role', 'x', false)", "42501"),
        ("SELECT set_config('client_encoding', x, false)", "0A000"),
        ("SELECT set_config(x, 'y', false)", "0A000"),
        ("SELECT current_setting('primary_conninfo')", "42501"),
        ("ALTER SYSTEM SET work_mem = 1", "0A000"),
    ],
)
def test_everything_else_is_refused(sql: str, sqlstate: str) -> None:
    """What is not on the list is refused with a code and a sentence."""
    with pytest.raises(Refusal) as refused:
        judged(sql)
    assert sqlstate == refused.value.sqlstate


def test_show_all_says_what_to_do_instead() -> None:
    """Tools that ask for it find the view that they can read."""
    with pytest.raises(Refusal) as refused:
        judged("SHOW ALL")
    assert "pg_settings" in (refused.value.hint or "")


def test_queries_inside_statements_are_found() -> None:
    """Those of DECLARE, COPY and PREPARE can be masked inside; EXPLAIN goes upstream as it is, or not at all."""
    for sql in ("DECLARE c CURSOR FOR SELECT * FROM a", "COPY (SELECT * FROM a) TO STDOUT", "PREPARE p AS TABLE a"):
        assert judged(sql).body is Body.NESTED
        assert [str(r) for r in judged(sql).references.reads] == ["a"]
    assert judged("EXPLAIN SELECT * FROM a").body is Body.FIXED
    assert [str(r) for r in judged("EXPLAIN ANALYZE SELECT * FROM a").references.reads] == ["a"]


def test_names_that_the_session_keeps_are_read_off() -> None:
    """As the server keeps them: folded, unquoted, cut at 63 bytes."""
    assert judged('DECLARE "C d" CURSOR WITH HOLD FOR SELECT 1').effects == Effects(declares="C d", holdable=True)
    assert judged("DECLARE C NO SCROLL CURSOR WITHOUT HOLD FOR SELECT 1").effects == Effects(declares="c")
    assert judged("PREPARE P (int) AS DELETE FROM a WHERE b = $1").effects == Effects(prepares="p")
    assert judged("FETCH BACKWARD ALL IN C").portal == "c"
    assert judged("MOVE 1 FROM " + "x" * 70).portal == "x" * 63
    assert judged("EXECUTE P(1, now())").prepared == "p"
