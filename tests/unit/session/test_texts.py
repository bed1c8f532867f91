"""What of an upstream error reaches the client."""

from __future__ import annotations

import pytest

from proxy.session.texts import caused_by_masking, for_client, is_fatal

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


@pytest.mark.parametrize(
    ("sqlstate", "text", "said"),
    [
        ("42703", 'column "ctid" does not exist', "the system column ctid of a relation with masked columns"),
        ("42703", "column p.xmin does not exist", "the system column xmin of a relation with masked columns"),
        ("42703", "Spalte tableoid existiert nicht", "the system column tableoid of a relation with masked columns"),
        ("42846", "cannot cast type record to ward.patients", "a row of a relation with masked columns has no type"),
        ("42703", 'could not identify column "x" in record data type', "a row of a relation with masked columns"),
        ("42883", "function f(record) does not exist", "a row of a relation with masked columns has no type"),
    ],
)
def test_errors_that_masking_has_caused_say_so(sqlstate: str, text: str, said: str) -> None:
    """What a masking subquery cannot have is refused as such (0A000), in whatever language the server speaks."""
    refusal = caused_by_masking({"C": sqlstate, "M": text})
    assert refusal is not None
    assert refusal.sqlstate == "0A000"
    assert refusal.message.startswith(said)


@pytest.mark.parametrize(
    ("sqlstate", "text"),
    [
        ("42703", 'column "ctidx" does not exist'),
        ("22012", "division by ctid"),
        ("42846", "cannot cast type box to date"),
    ],
)
def test_errors_of_ones_own_stay_what_they_are(sqlstate: str, text: str) -> None:
    """A table would give them too."""
    assert caused_by_masking({"C": sqlstate, "M": text}) is None
