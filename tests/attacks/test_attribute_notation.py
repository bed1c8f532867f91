"""``value.function`` calls a function without the syntax of a call (manual, 4.2.4), on values of any type.

Must not know: how functions are judged. Invariant: a function that may not be called has no other notation that calls
it, wherever in a statement it stands.
"""

from __future__ import annotations

import pytest

from tests.attacks.canaries import Listener, stored_canaries
from tests.support.postgres import Clinic
from tests.support.proxy_process import ProxyProcess

_READ = "'SELECT array_to_tsvector(array_agg(last_name)) FROM clinic.patients'::text"
_CALL = f"({_READ}).ts_stat"
ATTACKS = {
    "a value": f"SELECT {_CALL}",
    "a function's result": f"SELECT t.ts_stat FROM unnest(ARRAY[{_READ}]) AS t",
    "a column": f"SELECT (c).ts_stat FROM (SELECT {_READ} AS c) s",
    "a column called as its row": f"SELECT (c).ts_stat FROM (SELECT {_READ} AS c, 1 AS ts_stat) c",
    "beside a column of that name": f"SELECT q.ts_stat, {_CALL} FROM (SELECT 1 AS ts_stat) q",
    "a field of the result": f"SELECT ({_CALL}).word",
    "limit of a union": f"SELECT '1' UNION SELECT '2' LIMIT (SELECT count(*) FROM (SELECT {_CALL}) q)",
    "a sample's size": f"SELECT 1 FROM clinic.patients TABLESAMPLE system ((SELECT 1 FROM (SELECT {_CALL}) q LIMIT 1))",
    "masked table": f"SELECT p.patient_id, s FROM clinic.patients p, LATERAL (SELECT {_CALL} AS s) q",
    "order by": f"SELECT patient_id FROM clinic.patients ORDER BY {_CALL}",
    "a CTE": f"WITH c AS (SELECT {_CALL} AS s) SELECT s FROM c",
    "explain": f"EXPLAIN ANALYZE SELECT {_CALL}",
    "copy": f"COPY (SELECT {_CALL}) TO STDOUT",
    "a cursor": f"DECLARE c CURSOR WITH HOLD FOR SELECT {_CALL}",
    "files": "SELECT ('PG_VERSION'::text).pg_read_file",
    "other sessions": "SELECT (pg_backend_pid()).pg_stat_get_activity",
    "settings": "SELECT ('data_directory'::text).current_setting",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS.keys())
def test_it_calls_no_forbidden_function(clinic: Clinic, proxy: ProxyProcess, text: str) -> None:
    """The statement is refused by name of the function, and nothing stored is told."""
    with Listener.connect(proxy) as listener:
        sqlstate = listener.ask(text)
        assert listener.leaked(stored_canaries(clinic), proxy) == []
        assert sqlstate == "42501", listener.heard
        assert any("permission denied for function" in part for part in listener.heard)
        assert listener.ask("SELECT 1") == "SELECT 1"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT q.ts_stat, q.time_in FROM (SELECT 1 AS ts_stat, now() AS time_in) q",
        "SELECT p.zip FROM clinic.patients p ORDER BY p.patient_id LIMIT 1",
        "SELECT ('abc'::text).upper",
        "SELECT c.relname, t.n FROM pg_catalog.pg_class c, unnest(ARRAY[1]) WITH ORDINALITY t(x, n) LIMIT 0",
    ],
)
def test_columns_are_no_calls(proxy: ProxyProcess, text: str) -> None:
    """Columns may be named like forbidden functions, and allowed functions may be written behind a dot."""
    with Listener.connect(proxy) as listener:
        assert listener.ask(text).startswith("SELECT"), listener.heard
