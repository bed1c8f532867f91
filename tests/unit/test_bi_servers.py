"""The code in ``docs/bi-servers.md`` works as it is printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import sqlalchemy

from proxy.identity.authenticator import Authenticator
from proxy.identity.local_issuer import LocalIssuer
from proxy.session.hints import take_hint

PAGE = Path(__file__).parents[2] / "docs" / "bi-servers.md"


def _code(word: str) -> str:
    """The page's Python code that has this word in it."""
    blocks = [dedent(block) for block in re.findall(r"``` *python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)]
    (code,) = (block for block in blocks if word in block)
    return code


def test_the_mutator_of_superset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it puts before a statement is a hint that the issuer's keys verify, with the user's roles; others pass."""
    issuer = LocalIssuer.create(tmp_path / "issuer")
    code = _code("SQL_QUERY_MUTATOR")
    key = tmp_path / "issuer" / "private.pem"
    code = code.replace("/etc/superset/pgveil-key.pem", str(key)).replace("https://superset.example", issuer.issuer)
    code = code.replace('"kid": "superset"', f'"kid": "{issuer.key_id}"')
    flask = ModuleType("flask")
    names = [SimpleNamespace(name="Analysts"), SimpleNamespace(name="Gamma")]
    user = SimpleNamespace(username="ada", is_anonymous=False, roles=names)
    monkeypatch.setattr(flask, "g", SimpleNamespace(user=user), raising=False)
    monkeypatch.setitem(sys.modules, "flask", flask)
    found: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), found)  # noqa: S102 - our own page
    mutate = found["SQL_QUERY_MUTATOR"]
    behind = SimpleNamespace(database_name="clinic")
    text, hint = take_hint(mutate("SELECT 1", database=behind).encode())
    assert text == b"\nSELECT 1"
    assert hint is not None
    identity = Authenticator((issuer.settings(),)).verify_now(hint.token).identity
    assert (identity.name, identity.roles) == ("ada", ("analyst",))
    assert mutate("SELECT 1", database=SimpleNamespace(database_name="other")) == "SELECT 1"
    user.is_anonymous = True
    assert mutate("SELECT 1", database=behind) == "SELECT 1"


def test_the_listener_of_sqlalchemy() -> None:
    """Each statement has the hint before it while there is somebody, parameters are untouched."""
    found: dict[str, Any] = {}
    exec(compile(_code("before_cursor_execute"), str(PAGE), "exec"), found)  # noqa: S102 - our own page
    engine = sqlalchemy.create_engine("sqlite://")
    asked: list[str | None] = ["eyJ.eyJ.c2ln", None]
    sent: list[str] = []
    found["ask_as"](engine, lambda: asked.pop(0))
    sqlalchemy.event.listen(engine, "after_cursor_execute", lambda c, cursor, text, *more: sent.append(text))
    with engine.connect() as connection:
        for _ in range(2):
            assert connection.execute(sqlalchemy.text("SELECT :n"), {"n": 7}).scalar() == 7
    assert [take_hint(text.encode())[0].strip() for text in sent] == [b"SELECT ?", b"SELECT ?"]
    assert take_hint(sent[0].encode())[1] is not None
    assert sent[1] == "SELECT ?"
