"""The unit tests mirror the package, file by file, and what is tested elsewhere says where."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# Tests of what is no file of the package: the repository's own documents and rules, and what many files do together.
_OF_NO_FILE = {
    *("architecture", "bi_servers", "clients_table", "mirror", "readme"),
    *("deploy/compile_rows", "deploy/deploy", "planner/tokens/refused", "policy/examples"),
}
# Where those files are tested that have no unit test of their own: through what uses them, or with a real server.
_ELSEWHERE = {
    "tests/protocol": """
        session/answers session/client_side session/completions session/conversation session/extended
        session/flights session/ports session/simple session/state session/upstream_side tokens/vault
    """,
    "tests/unit/planner/test_planner.py": "planner/masking planner/plan planner/pruning planner/rewriting",
    "tests/unit/planner/test_lineage.py": "planner/outputs",
    "tests/unit/planner/test_allowlist.py": "planner/allowed_settings",
    "tests/unit/planner/tokens": """
        planner/tokens/calls planner/tokens/columns planner/tokens/expressions planner/tokens/findings
        planner/tokens/order planner/tokens/queries planner/tokens/reach planner/tokens/refusals
        planner/tokens/scopes planner/tokens/sources
    """,
    "tests/unit/policy/test_mask_sql.py": """
        policy/ordered_mask_sql policy/redact_patterns policy/shift_mask_sql policy/sql_text policy/text_mask_sql
    """,
    "tests/unit/policy/test_load.py": """
        policy/domains policy/grammar policy/model policy/precedence policy/suggest policy/validate
    """,
    "tests/unit/policy/test_bound.py": "policy/catalog_check policy/coverage",
    "tests/unit/tokens/test_tokenizer.py": "tokens/cells tokens/derivation tokens/types tokens/uuids",
    "tests/unit/tokens/test_batch_siv.py": "tokens/siv_loops",
    "tests/unit/identity/test_handles.py": "identity/handle_file identity/handle_store",
    "tests/unit/identity/test_authenticator.py": "identity/principal",
    "tests/unit/admin": "admin/answers allowances handle_desk",
    "tests/unit/test_settings.py": "settings_document settings_types",
    "tests/unit/net/test_relay.py": "net/limits net/ports net/sockets",
    "tests/catalog": "asking catalog/fingerprint catalog/introspect catalog/queries catalog/store",
    "tests/adversity": "errors net/farewell net/listener net/login net/upstream",
    "tests/clients": "cli/handles handle_places identity/handle_database",
    "tests/attacks": "cli/detokenize",
    "tests/demo": "cli/demo demo/clinic demo/codes demo/guardian demo/names demo/postgres demo/run",
}


def _files() -> set[str]:
    """The files of the package, without those that only say that a folder is a package."""
    folder = _ROOT / "proxy"
    return {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.py")
        if path.name != "__init__.py" and "__pycache__" not in path.parts
    }


def _tested() -> set[str]:
    """What the unit tests' names say that they test."""
    folder = _ROOT / "tests" / "unit"
    return {
        (path.parent / path.stem.removeprefix("test_")).relative_to(folder).as_posix()
        for path in folder.rglob("test_*.py")
    }


def _folders(files: set[str]) -> set[str]:
    return {parent.as_posix() for file in files for parent in Path(file).parents}


def test_each_unit_test_is_of_a_file() -> None:
    """It is called after the file, or the folder, of the package that it tests."""
    files = _files()
    assert sorted(_tested() - files - _folders(files)) == sorted(_OF_NO_FILE)


def test_each_file_has_a_unit_test() -> None:
    """Its own or its folder's; the others are listed above, and none of them is listed in vain."""
    tested = _tested()
    without = {f for f in _files() if f not in tested and tested.isdisjoint(p.as_posix() for p in Path(f).parents)}
    listed = [name for names in _ELSEWHERE.values() for name in names.split()]
    assert sorted(listed) == sorted(without)


def test_elsewhere_is_somewhere() -> None:
    """What the list above names are tests that exist."""
    assert [place for place in _ELSEWHERE if not (_ROOT / place).exists()] == []
