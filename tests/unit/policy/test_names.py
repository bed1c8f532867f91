"""Names as policies write them."""

from __future__ import annotations

import pytest

from proxy.policy.names import Pattern, parse_pattern, split_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clinic.patients", ("clinic", "patients")),
        ("Clinic.Patients.ssn", ("Clinic", "Patients", "ssn")),
        ('"my schema"."a.b""c"', ("my schema", 'a.b"c')),
        ("größe.naïve", ("größe", "naïve")),
        ("one", ("one",)),
        ("a..b", None),
        (".a", None),
        ("a.", None),
        ("a b", None),
        ('"a', None),
        ('""', None),
        ("", None),
        ("a.*", None),
    ],
)
def test_names_are_split_at_dots_outside_quotes(text: str, expected: tuple[str, ...] | None) -> None:
    """Parts keep their case; what is no name is None."""
    assert split_name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", Pattern(None, None)),
        ("clinic.*", Pattern("clinic", None)),
        ('"my schema".*', Pattern("my schema", None)),
        ("clinic.patients", Pattern("clinic", "patients")),
        ("*.patients", None),
        ("clinic", None),
        ("a.b.*", None),
        ("a.b.c", None),
        ("**", None),
    ],
)
def test_patterns(text: str, expected: Pattern | None) -> None:
    """One relation, all of a schema, or all there are."""
    assert parse_pattern(text) == expected
    if expected is not None and '"' not in text:
        assert str(expected) == text
