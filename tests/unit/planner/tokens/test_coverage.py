"""The second look: a walk that leaves something out is found."""

from __future__ import annotations

import pytest

from proxy.errors import UnsupportedRefusal
from proxy.planner import grammar
from proxy.planner.tokens.coverage import assert_covered
from proxy.planner.tokens.findings import Findings
from proxy.planner.tokens.scopes import Named
from proxy.planner.tokens.variables import Tokens, Variable
from tests.support.token_clinic import MRN

SQL = "SELECT p.mrn, p.*, $1 FROM patients p WHERE mrn = $1 ORDER BY mrn"


def _seen() -> Findings:
    findings = Findings()
    findings.references.update({("p", "mrn"): 1, ("p", "*"): 1, ("mrn",): 2})
    findings.mentions[1] = 2
    findings.relations["", "", "patients"] = 1
    return findings


def test_what_was_seen_whole_passes() -> None:
    """Every column reference and parameter once for each mention."""
    assert_covered(grammar.parse(SQL), _seen())


@pytest.mark.parametrize(("name", "more"), [(("mrn",), -1), (("age",), 1), (("p", "*"), -1)])
def test_what_was_walked_past_is_refused(name: tuple[str, ...], more: int) -> None:
    """One column reference more or less is enough."""
    findings = _seen()
    findings.references[name] += more
    with pytest.raises(UnsupportedRefusal, match="cannot be checked"):
        assert_covered(grammar.parse(SQL), findings)


def test_a_parameter_that_was_walked_past_is_refused() -> None:
    """So is one parameter."""
    findings = _seen()
    findings.mentions[1] -= 1
    with pytest.raises(UnsupportedRefusal, match="cannot be checked"):
        assert_covered(grammar.parse(SQL), findings)


@pytest.mark.parametrize(
    ("relation", "more"), [(("", "", "patients"), -1), (("", "", "patients"), 1), (("", "clinic", "visits"), 1)]
)
def test_a_relation_that_was_walked_past_is_refused(relation: tuple[str, str, str], more: int) -> None:
    """So is one relation: the columns of a query that was no query to the check are counted all the same."""
    findings = _seen()
    findings.relations[relation] += more
    with pytest.raises(UnsupportedRefusal, match="cannot be checked"):
        assert_covered(grammar.parse(SQL), findings)


def test_a_name_that_is_a_token_elsewhere_must_be_known_everywhere() -> None:
    """A name that was found nowhere, and is a token's in another scope, is not let pass."""
    findings = _seen()
    findings.names.append(Named("mrn", Variable(Tokens(MRN, "clinic.patients.mrn"))))
    assert_covered(grammar.parse(SQL), findings)
    findings.unresolved.append("mrn")
    with pytest.raises(UnsupportedRefusal):
        assert_covered(grammar.parse(SQL), findings)
