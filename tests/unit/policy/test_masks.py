"""How masks are named and described."""

from __future__ import annotations

from decimal import Decimal

import pytest

from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    DateUnit,
    Deny,
    Generalize,
    Hidden,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Token,
    Zip3,
)


@pytest.mark.parametrize(
    ("mask", "name", "description"),
    [
        (Clear(), "clear", "clear"),
        (Nullify(), "nullify", "nullify"),
        (Constant("x"), "constant", "constant: x"),
        (Partial(1, 4, "."), "partial", 'partial: {show_first: 1, show_last: 4, fill: "."}'),
        (
            Partial(1, collapse=True),
            "partial",
            'partial: {show_first: 1, show_last: 0, fill: "*", collapse: true}',
        ),
        (Generalize(DateUnit.WEEK), "generalize", "generalize: week"),
        (BirthYear(), "birth_year", "birth_year: {oldest_age: 89}"),
        (Zip3(), "zip3", "zip3"),
        (Bucket(Decimal(10)), "bucket", "bucket: {width: 10}"),
        (Bucket(Decimal(5), Decimal(0), Decimal(90)), "bucket", "bucket: {width: 5, min: 0, max: 90}"),
        (Redact(frozenset({RedactPattern.SSN, RedactPattern.URL})), "redact", "redact: {patterns: [url, ssn]}"),
        (Token("patient"), "token", "token: {domain: patient, format: text}"),
        (Shift("id", 30, "patient", "5ec7e7"), "shift", "shift: {by: id, within_days: 30, domain: patient}"),
        (Deny(), "deny", "deny"),
        (Hidden(), "hidden", "hidden"),
    ],
)
def test_masks_have_a_name_and_a_description(mask: Mask, name: str, description: str) -> None:
    """The name is a label for metrics, the description what the policy says."""
    assert (mask.name, str(mask)) == (name, description)
    assert hash(mask) == hash(mask)
