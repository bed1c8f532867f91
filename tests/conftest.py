"""Fixtures that every folder of tests may ask for.

Owns: which modules of fixtures pytest loads. Must not know: any test.
Invariant: a fixture that starts a server is asked for by name, so that the unit tests never start one.
"""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more about the machine than about the code; each test has a time limit of its own. All
# else stays as it is: where CI is set, Hypothesis draws the same examples each time.
settings.register_profile("pgveil", settings(), deadline=None)
settings.load_profile("pgveil")

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.proxy_process",
    "tests.support.measured",
    "tests.support.oracle",
    "tests.support.summary",
    "tests.tpc.database",
]
