"""Fixtures that every folder of tests may ask for.

Owns: which modules of fixtures pytest loads. Must not know: any test.
Invariant: a fixture that starts a server is asked for by name, so that the unit tests never start one.
"""

from __future__ import annotations

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.proxy_process",
    "tests.support.oracle",
    "tests.support.summary",
    "tests.tpc.database",
]
