"""The masked-copy rule over scripts: statements that depend on those before them in the same session.

Must not know: how the proxy answers. Invariant: after each statement the answers, and the transaction's status, are
those of the same script in the role's masked copy.
"""

from __future__ import annotations

import pytest

from tests.oracle.test_corpus import ROLES
from tests.support.answers import Way
from tests.support.corpus import CorpusStatement, load_corpus
from tests.support.oracle import Oracle

SCRIPTS = load_corpus("scripts")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.name)
def test_the_proxy_answers_as_the_masked_copy(oracle: Oracle, script: CorpusStatement, role: str) -> None:
    """However the statements are sent."""
    for way in Way:
        found = oracle.compare_script(script, role, way)
        assert not found, "\n".join([f"as {role}, {way.value}:", script.text, "", *found])
