"""What of an upstream error reaches the client."""

from __future__ import annotations

from proxy.session.texts import for_client, is_fatal

_FIELDS = {
    "S": "ERROR",
    "V": "ERROR",
    "C": "42703",
    "M": "column x",
    "D": "detail",
    "H": "hint",
    "P": "8",
    "p": "3",
    "q": "sql",
    "W": "where",
    "t": "table",
    "n": "constraint",
    "R": "routine",
}


def test_a_restricted_principal_sees_code_text_and_position() -> None:
    """Nothing else, and the position only where it points into the client's own text."""
    shown = {"S": "ERROR", "V": "ERROR", "C": "42703", "M": "column x"}
    assert for_client(_FIELDS, restricted=True, rewritten=True) == shown
    assert for_client(_FIELDS, restricted=True, rewritten=False) == {**shown, "P": "8"}


def test_a_text_that_may_quote_a_value_is_withheld() -> None:
    """The code stays."""
    shown = for_client({**_FIELDS, "C": "22P02", "M": "invalid: 901-42-0042"}, restricted=True, rewritten=False)
    assert "901" not in str(shown)
    assert shown["C"] == "22P02"
    without_code = for_client({"M": "901-42-0042"}, restricted=True, rewritten=False)
    assert "901" not in str(without_code)


def test_an_unrestricted_principal_sees_everything_but_a_wrong_position() -> None:
    """The same object where nothing is taken away."""
    assert for_client(_FIELDS, restricted=False, rewritten=False) is _FIELDS
    assert "P" not in for_client(_FIELDS, restricted=False, rewritten=True)
    without = {"M": "x"}
    assert for_client(without, restricted=False, rewritten=True) is without


def test_fatal_errors_are_known_by_their_severity() -> None:
    """V is the same in every language; servers before 9.6 have S only."""
    assert is_fatal({"S": "FATAL", "V": "FATAL"})
    assert is_fatal({"S": "PANIC"})
    assert not is_fatal({"S": "FEHLER", "V": "ERROR"})
    assert not is_fatal({})
