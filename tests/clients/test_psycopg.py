"""psycopg 3 through the proxy: simple and extended protocol, prepared statements, pipelines, transactions, cancel.

Must not know: how the proxy works. Invariant: what psycopg does against a server, it does against the proxy.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.clients.seen import ROLES, SEEN, Seen, stored_patients
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

FIRST = "SELECT patient_id, ssn, last_name, dob, zip, phone FROM clinic.patients WHERE patient_id <= 40 ORDER BY 1"
BY_ID = "SELECT ssn, last_name FROM clinic.patients WHERE patient_id = %s"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_each_role_sees_its_masks(proxy: ProxyProcess, clinic: Clinic, role: str, tls: bool, binary: bool) -> None:
    """A login with a token shows the columns as the role may see them, in either format, with and without TLS."""
    with proxy.connect(role, tls=tls) as connection:
        rows = connection.execute(FIRST, binary=binary).fetchall()
        assert connection.info.parameter_status("session_authorization") == role
    assert [Seen(*row[1:]) for row in rows] == [SEEN[role](p) for p in stored_patients(clinic, 40)]


def test_a_token_of_another_role_is_no_login(proxy: ProxyProcess) -> None:
    """The startup user must be among the token's roles, and the error is the one that tools look for."""
    wrong = proxy.parameters("analyst") | {"password": proxy.token("billing", "clinician")}
    with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "analyst"'):
        psycopg.connect(**wrong)  # type: ignore[arg-type]


def test_a_prepared_statement_is_run_often(proxy: ProxyProcess, clinic: Clinic) -> None:
    """A statement that psycopg prepares by name gives masked values each time, binary ones too."""
    stored = stored_patients(clinic, 20)
    with proxy.connect("billing") as connection:
        for round_number in range(3):
            for number, patient in enumerate(stored, 1):
                row = connection.execute(BY_ID, [number], prepare=True, binary=round_number == 2).fetchone()
                expected = SEEN["billing"](patient)
                assert row == (expected.ssn, expected.last_name)
        assert connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_prepared_statements_are_dropped_by_sql(proxy: ProxyProcess) -> None:
    """DEALLOCATE and DISCARD ALL drop what Parse has made, and psycopg can prepare the same again."""
    with proxy.connect("analyst") as connection:
        for command in ("DEALLOCATE ALL", "DISCARD ALL", "SELECT 1"):
            for number in range(3):
                assert connection.execute(BY_ID, [number + 1], prepare=True).fetchone() is not None
            connection.execute(command)


def test_an_error_ends_the_transaction_only(proxy: ProxyProcess) -> None:
    """After a refusal in a transaction only ROLLBACK helps; then everything works again."""
    with proxy.connect("analyst", autocommit=False) as connection:
        assert connection.execute("SELECT count(*) FROM clinic.patients").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
            connection.execute("SELECT pg_read_file('/etc/passwd')")
        assert refused.value.diag.message_primary
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_savepoints_survive_refusals(proxy: ProxyProcess) -> None:
    """A refusal inside a nested transaction leaves the outer one alive."""
    with proxy.connect("analyst") as connection, connection.transaction():
        with pytest.raises(psycopg.errors.FeatureNotSupported), connection.transaction():
            connection.execute("CREATE TABLE x AS SELECT 1")
        assert connection.execute("SELECT count(*) > 0 FROM clinic.patients").fetchone() == (True,)


def test_a_statement_is_cancelled(proxy: ProxyProcess) -> None:
    """A CancelRequest ends the statement with 57014 and leaves the session alive, with and without TLS."""
    for tls in (False, True):
        with proxy.connect("analyst", tls=tls) as connection:
            timer = threading.Timer(0.5, connection.cancel_safe)
            timer.start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute("SELECT pg_sleep(60)")
            timer.join()
            assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(("person", "own"), [("dana@example.org", True), ("eve@example.org", False)])
def test_a_statement_is_cancelled_by_process_id(proxy: ProxyProcess, person: str, own: bool) -> None:
    """``pg_cancel_backend`` ends what another session of the same person runs, and nobody else's."""
    parameters: dict[str, Any] = proxy.parameters("analyst") | {"password": proxy.token("analyst", subject=person)}
    with proxy.connect("analyst") as running, psycopg.connect(**parameters, autocommit=True) as other:
        found: list[tuple[bool]] = []
        call = f"SELECT pg_cancel_backend({running.pgconn.backend_pid})".encode()
        timer = threading.Timer(0.3, lambda: found.extend(other.execute(call)))
        timer.start()
        shown = None
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            shown = running.execute("SELECT pg_sleep(1)").fetchone()
        timer.join()
        assert found == [(own,)]
        assert (shown is None) is own
        assert running.execute("SELECT 1").fetchone() == (1,)


def test_a_pipeline_is_answered_in_order(proxy: ProxyProcess, clinic: Clinic) -> None:
    """Statements sent before the first answer are answered one by one, a refusal among them at its own place."""
    stored = stored_patients(clinic, 10)
    with proxy.connect("billing") as connection:
        with connection.pipeline():
            cursors = [connection.execute(BY_ID, [number]) for number in range(1, 11)]
        shown = [cursor.fetchone() for cursor in cursors]
        assert shown == [(SEEN["billing"](p).ssn, SEEN["billing"](p).last_name) for p in stored]
        with connection.pipeline() as pipeline:
            before = connection.execute("SELECT %s::int", [1])
            pipeline.sync()
            assert before.fetchone() == (1,)
            connection.execute("SELECT query_to_xml(%s, true, true, '')", ["SELECT 1"])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pipeline.sync()
        assert connection.execute("SELECT 2").fetchone() == (2,)


def test_several_statements_in_one_message(proxy: ProxyProcess) -> None:
    """A script is one implicit transaction, each statement judged by itself, and each has its result."""
    with proxy.connect("analyst") as connection:
        cursor = connection.execute("SELECT 1; SELECT count(ssn) FROM clinic.patients; SELECT 'x' AS y")
        results = [cursor.fetchall()]
        while cursor.nextset():
            results.append(cursor.fetchall())
        assert results[0] == [(1,)]
        assert results[2] == [("x",)]
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute("SELECT 1; LOCK clinic.patients; SELECT 2")
        assert connection.execute("SELECT 3").fetchone() == (3,)


def test_copy_of_a_masked_table(proxy: ProxyProcess, clinic: Clinic) -> None:
    """COPY out gives masked lines, in text and binary; COPY in is refused, and the session is still good."""
    with clinic.connect() as connection:
        stored = {row[0] for row in connection.execute("SELECT ssn FROM clinic.patients WHERE ssn IS NOT NULL")}
    with proxy.connect("billing") as connection, connection.cursor() as cursor:
        with cursor.copy("COPY clinic.patients (patient_id, ssn) TO STDOUT") as copy:
            copied = dict(copy.rows())
        assert len(copied) > 100
        assert not stored & set(copied.values())
        assert {ssn[:7] for ssn in copied.values() if ssn is not None} == {"***-**-"}
        with cursor.copy("COPY (SELECT patient_id, ssn FROM clinic.patients) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int8", "text"])
            assert {str(number): ssn for number, ssn in copy.rows()} == copied
        with pytest.raises(psycopg.errors.FeatureNotSupported), cursor.copy("COPY clinic.patients FROM STDIN"):
            pass
        assert cursor.execute("SELECT 1").fetchone() == (1,)


def test_copy_of_a_table_without_masks_works(proxy: ProxyProcess, clinic: Clinic) -> None:
    """COPY out of a relation that is clear for the role is the server's own COPY."""
    statement = "COPY (SELECT * FROM sales.regions ORDER BY region_id) TO STDOUT"
    with proxy.connect("analyst") as connection, connection.cursor().copy(statement) as copy:
        shown = b"".join(bytes(block) for block in copy)
    with clinic.connect() as connection, connection.cursor().copy(statement) as copy:
        assert shown == b"".join(bytes(block) for block in copy)


def test_a_server_side_cursor_on_clear_data(proxy: ProxyProcess) -> None:
    """DECLARE, FETCH and CLOSE go through where nothing is masked."""
    with (
        proxy.connect("analyst", autocommit=False) as connection,
        connection.cursor(name="named", scrollable=True) as cursor,
    ):
        cursor.execute("SELECT order_id FROM sales.orders ORDER BY order_id")
        first = cursor.fetchmany(5)
        cursor.scroll(0, mode="absolute")
        assert cursor.fetchmany(5) == first


def test_a_server_side_cursor_on_masked_data(proxy: ProxyProcess) -> None:
    """Its rows are masked in every direction, with and without HOLD, and described as the original's columns."""
    query = "SELECT patient_id, ssn FROM clinic.patients WHERE ssn IS NOT NULL ORDER BY patient_id"
    with proxy.connect("billing", autocommit=False) as connection:
        plain = connection.execute(query)
        rows, described = plain.fetchall(), [plain.pgresult and plain.pgresult.ftable(n) for n in (0, 1)]
        with connection.cursor(name="named", scrollable=True, withhold=True) as cursor:
            cursor.execute(query)
            assert cursor.fetchmany(5) == rows[:5]
            connection.commit()
            cursor.scroll(2, mode="absolute")
            assert cursor.fetchone() == rows[2]
            assert [cursor.pgresult and cursor.pgresult.ftable(n) for n in (0, 1)] == described
            assert cursor.fetchall() == rows[3:]
            assert all(str(ssn).startswith("***-**-") for _, ssn in rows)


def test_columns_are_described_as_the_original(proxy: ProxyProcess, clinic: Clinic) -> None:
    """Type, length and origin of a masked column are those of the stored one."""
    statement = "SELECT ssn, phone, dob, last_name AS name, languages FROM clinic.patients WHERE patient_id = 1"

    def described(connection: psycopg.Connection[Any]) -> list[tuple[object, ...]]:
        cursor = connection.cursor(row_factory=dict_row).execute(statement)
        result = cursor.pgresult
        assert result is not None
        assert cursor.description is not None
        return [
            (c.name, c.type_code, c.display_size, c.internal_size, result.ftable(n), result.ftablecol(n))
            for n, c in enumerate(cursor.description)
        ]

    with proxy.connect("analyst") as masked, clinic.connect(database=proxy.database) as stored:
        assert described(masked) == described(stored)


@pytest.mark.parametrize(
    "script",
    [
        # As Npgsql, deadpool and asyncpg give connections back to their pools.
        (
            "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();"
            "DISCARD SEQUENCES;DISCARD TEMP"
        ),
        (
            "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); "
            "DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES"
        ),
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
        "DISCARD ALL",
    ],
    ids=["npgsql", "deadpool", "asyncpg", "discard"],
)
def test_pools_reset_their_connections(proxy: ProxyProcess, script: str) -> None:
    """A reset is answered statement for statement; afterwards the session is as it was at its start."""
    with proxy.connect("analyst") as connection:
        before = connection.execute("SHOW search_path").fetchone()
        connection.execute("SET search_path TO clinic")
        cursor = connection.execute(script)
        answers = 1
        while cursor.nextset():
            answers += 1
        assert answers == len(script.rstrip(";").split(";"))
        assert connection.execute("SHOW search_path").fetchone() == before
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT count(*) FROM patients")


def test_a_change_of_path_before_a_statement_that_needs_none(proxy: ProxyProcess) -> None:
    """What means the same under every search path may follow a change of it in the same message; the rest may not."""
    with proxy.connect("analyst") as connection:
        cursor = connection.execute("SET search_path = clinic; SELECT 1; SELECT count(*) FROM generate_series(1, 3)")
        cursor.nextset()
        assert cursor.fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="search_path"):
            connection.execute("SET search_path = sales; SELECT count(*) FROM clinic.patients")


def test_settings_are_the_sessions_own(proxy: ProxyProcess) -> None:
    """SET and SHOW go through; what a transaction has set is undone with it."""
    with proxy.connect("analyst") as connection:
        connection.execute("SET search_path TO clinic")
        assert connection.execute("SELECT count(*) > 0 FROM patients").fetchone() == (True,)
        connection.execute("BEGIN")
        connection.execute("SET LOCAL search_path TO sales")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT count(*) FROM patients")
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT count(*) > 0 FROM patients").fetchone() == (True,)
        connection.execute("SET TIME ZONE 'America/New_York'")
        assert connection.info.parameter_status("TimeZone") == "America/New_York"


def test_startup_options_reach_the_server(proxy: ProxyProcess) -> None:
    """``options`` and ``application_name`` of the connection string are passed on."""
    parameters = proxy.parameters("analyst") | {"options": "-c search_path=clinic -c statement_timeout=5s"}
    with psycopg.connect(**parameters) as connection:  # type: ignore[arg-type]
        assert connection.execute("SHOW search_path").fetchone() == ("clinic",)
        assert connection.execute("SELECT count(*) > 0 FROM patients").fetchone() == (True,)
