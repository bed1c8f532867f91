"""Which settings may be set, shown and reset."""

from __future__ import annotations

import pytest

from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner import grammar, setting_rules
from proxy.planner.references import inner


def changes_path(sql: str) -> bool:
    """What ``check_set`` says of one statement."""
    return setting_rules.check_set(inner(grammar.parse(sql).stmts[0].stmt))


@pytest.mark.parametrize(
    ("sql", "path"),
    [
        ("SET search_path = a, b", True),
        ("RESET search_path", True),
        ("RESET ALL", True),
        ("SET SESSION AUTHORIZATION DEFAULT", True),
        ("RESET pgveil.token", True),
        ("SET LOCAL pgveil.token TO DEFAULT", True),
        ("SET pgveil.token = ''", True),
        ("SET statement_timeout = 5", False),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", False),
        ("SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", False),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", False),
        ("SET standard_conforming_strings = on", False),
        ("SET standard_conforming_strings = true", False),
        ("SET standard_conforming_strings TO DEFAULT", False),
    ],
)
def test_what_may_be_set(sql: str, path: bool) -> None:
    """Only what may have changed the search path says so."""
    assert changes_path(sql) is path


@pytest.mark.parametrize(
    "sql",
    [
        "SET standard_conforming_strings = off",
        "SET standard_conforming_strings = false",
        "SET standard_conforming_strings = 0",
        "SET standard_conforming_strings = 0.5",
        "SET client_encoding = 'SQL_ASCII'",
    ],
)
def test_values_that_change_how_text_is_read(sql: str) -> None:
    """However the value is written: as a word, a text, a truth value or a number."""
    with pytest.raises(UnsupportedRefusal, match="cannot have this value"):
        changes_path(sql)


@pytest.mark.parametrize(
    "sql", ["SET session_preload_libraries = 'x'", "SET SESSION AUTHORIZATION postgres", "SET no.such = 1"]
)
def test_other_settings_are_not_for_clients(sql: str) -> None:
    """What is not on the list may not be set, extensions' own settings included."""
    with pytest.raises(PolicyRefusal, match="may not be set"):
        changes_path(sql)


@pytest.mark.parametrize("sql", ["SET pgveil.token = 'a.b.c'", "SET pgveil.token = '', ''", "SET pgveil.token = 5"])
def test_who_asks_is_not_for_the_server(sql: str) -> None:
    """What sets the token is taken out before; what is left of it is refused, and shows no value."""
    with pytest.raises(PolicyRefusal, match=r"^the setting \"pgveil.token\" may not be set this way$"):
        changes_path(sql)
    for function in ("set_config", "current_setting"):
        with pytest.raises(PolicyRefusal, match=r"pgveil\.token"):
            setting_rules.check_call(function, "pgveil.token", "a.b.c")


def test_calls_are_judged_as_the_statements() -> None:
    """``set_config`` and ``current_setting`` are SET and SHOW by another name, and need to say which setting."""
    setting_rules.check_call("set_config", "Statement_Timeout", None)
    setting_rules.check_call("current_setting", "search_path", None)
    refused: list[tuple[str, str | None, str | None, type[Refusal]]] = [
        ("set_config", None, "x", UnsupportedRefusal),
        ("current_setting", None, None, UnsupportedRefusal),
        ("set_config", "session_preload_libraries", "x", PolicyRefusal),
        ("current_setting", "data_directory", None, PolicyRefusal),
        ("set_config", "standard_conforming_strings", "off", UnsupportedRefusal),
        ("set_config", "standard_conforming_strings", None, UnsupportedRefusal),
    ]
    for function, name, value, error in refused:
        with pytest.raises(error):
            setting_rules.check_call(function, name, value)
