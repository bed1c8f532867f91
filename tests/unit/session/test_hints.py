"""Hints in texts: which are found, and that none stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import PolicyRefusal, UnsupportedRefusal
from proxy.session.hints import NO_HINTS, Hint, check_no_token, take_hint, token_setting

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln-_bmF0"
BLOCK = f"/* pgveil: {TOKEN} */"
LINE = f"-- pgveil: {TOKEN}\n"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"{BLOCK} SELECT 1", " SELECT 1"),
        (f"{BLOCK}SELECT 1", "SELECT 1"),
        (f"/*pgveil:{TOKEN}*/SELECT 1", "SELECT 1"),
        (f"{LINE}SELECT 1", "SELECT 1"),
        (f"--pgveil:{TOKEN}\r\nSELECT 1", "\nSELECT 1"),
        (f"-- pgveil: {TOKEN}", ""),
        (f" \n\t{BLOCK}\nSELECT 1", " \n\t\nSELECT 1"),
        (f"/* job 7 */ -- dbt\n{BLOCK} SELECT 1", "/* job 7 */ -- dbt\n SELECT 1"),
        (f"{BLOCK} SELECT 'pgveil is here' -- pgveil", " SELECT 'pgveil is here' -- pgveil"),
    ],
)
def test_a_hint_is_cut_out(text: str, rest: str) -> None:
    """The comment before the statement, in both forms, behind other simple comments too."""
    assert take_hint(text.encode()) == (rest.encode(), Hint(TOKEN, None))


def test_a_hint_may_name_a_role() -> None:
    """For tokens with several roles."""
    assert take_hint(f"/* pgveil: analyst {TOKEN} */ SELECT 1".encode())[1] == Hint(TOKEN, "analyst")
    assert TOKEN not in repr(take_hint(BLOCK.encode())[1])


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT 1 {BLOCK}",
        f"SELECT {BLOCK} 1",
        f"SELECT '{BLOCK}'",
        f"SELECT 'pgveil: {TOKEN}'",
        f"SELECT $${BLOCK}$$",
        f"SELECT 1; {BLOCK} SELECT 2",
        f"{BLOCK} {BLOCK} SELECT 1",
        f"{LINE}{LINE}SELECT 1",
        f"{BLOCK} SELECT 1; {BLOCK} SELECT 2",
        f"/* a {BLOCK} */ SELECT 1",
        f"/* /* */ {BLOCK} */ SELECT 1",
        f"/* pgveil: {TOKEN}",
        f"/* pgveil: {TOKEN} /* */ */ SELECT 1",
        f"/* pgveil: {TOKEN} x */ SELECT 1",
        "/* pgveil: */ SELECT 1",
        "/* pgveil: not.a */ SELECT 1",
        f"/* pgveil: bad */ {BLOCK} SELECT 1",
        f"{BLOCK} /* pgveil: bad */ SELECT 1",
        f"-- pgveil: {TOKEN} SELECT 1",
        f"EXPLAIN {BLOCK} SELECT 1",
        f"SET pgveil.x = 'pgveil: {TOKEN}'",
    ],
)
def test_what_looks_like_a_hint_elsewhere_refuses_the_text(text: str) -> None:
    """In the middle, twice, nested, unterminated, in a literal, malformed: nobody is believed, and nothing is shown."""
    with pytest.raises(PolicyRefusal) as caught:
        take_hint(text.encode())
    assert TOKEN not in f"{caught.value!r} {caught.value.detail} {caught.value.hint}"
    assert caught.value.reason == "hint"


def test_texts_without_hints_are_the_same_object() -> None:
    """They cost a search for a word."""
    for text in (b"SELECT 1", b"", b"/* job */ SELECT 1", b"SELECT 'pgveil'"):
        assert take_hint(text)[0] is text


_PIECES = st.sampled_from(
    ["/*", "*/", "--", "\n", " ", "pgveil:", TOKEN, BLOCK, LINE, "'", '"', "$$", "SELECT 1", ";", "eyJ", "analyst"]
)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_no_token_stays_behind_its_mark(text: str) -> None:
    """Whatever is sent: refused, or without a token behind the mark, and shorter by one comment at most."""
    try:
        rest, hint = take_hint(text.encode())
    except PolicyRefusal:
        return
    assert f"pgveil: {TOKEN}".encode() not in rest
    assert f"pgveil:{TOKEN}".encode() not in rest
    assert (hint is None) == (rest == text.encode())


def test_switched_off() -> None:
    """Where the settings have none, a hint is refused rather than sent on."""
    with pytest.raises(UnsupportedRefusal, match="not switched on"):
        NO_HINTS.asker(Hint(TOKEN, None))


@pytest.mark.parametrize(
    ("text", "role", "local"),
    [
        (f"SET pgveil.token = '{TOKEN}'", None, False),
        (f"set\tsession pgveil.token to '{TOKEN}'", None, False),
        (f"SET LOCAL pgveil.token='{TOKEN}'", None, True),
        (f" /* job */ -- x\n SET PGVEIL.Token TO 'analyst {TOKEN}' ", "analyst", False),
    ],
)
def test_a_token_is_set(text: str, role: str | None, local: bool) -> None:
    """In the forms that Postgres has for a setting with a plain literal."""
    setting = token_setting(text.encode())
    assert setting == (Hint(TOKEN, role), local)
    assert TOKEN not in repr(setting)


@pytest.mark.parametrize(
    "text",
    [
        f"SET pgveil.tokens = '{TOKEN}'",
        f"SET pgveil.token = E'{TOKEN}'",
        f"SET pgveil.token = '{TOKEN}' 'x'",
        f"SET pgveil.token = '{TOKEN}'; SELECT 1",
        f"SET pgveil.token = '{TOKEN}' -- x",
        f"SET pgveil.token '{TOKEN}'",
        f"SET LOCAL SESSION pgveil.token = '{TOKEN}'",
        f"/* /* */ SET pgveil.token = '{TOKEN}'",
        f"SETpgveil.token = '{TOKEN}'",
        f"SET pgveil.token TO'{TOKEN}'x",
        "SET pgveil.token = 'x'",
        "SET pgveil.token = ''",
        "",
    ],
)
def test_other_forms_set_none(text: str) -> None:
    """They are the planner's, which refuses them, or are refused for the token that stands in them."""
    assert token_setting(text.encode()) is None
    if TOKEN in text and "pgveil.token" in text:
        with pytest.raises(PolicyRefusal) as caught:
            check_no_token(text.encode())
        assert TOKEN not in f"{caught.value!r} {caught.value.detail} {caught.value.hint}"


def test_tokens_far_from_hints_are_values() -> None:
    """A table may hold them."""
    check_no_token(f"SELECT '{TOKEN}'".encode())
    check_no_token(b"SET pgveil.token = ''")
