"""Superset's own settings for the test: one process, its metadata in a SQLite file, and no worker beside it.

Superset imports this file (``SUPERSET_CONFIG_PATH``) inside its own virtual environment. Must not know: pgveil.
Invariant: everything that it writes is in the folder that ``SUPERSET_HOME`` names.
"""

from __future__ import annotations

import os

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db?check_same_thread=false"

# The test's own client and a browser on the same machine are the only ones who talk to it, over HTTP.
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
SESSION_COOKIE_SECURE = False

# People and roles are made by its API.
FAB_ADD_SECURITY_API = True

# Superset's check while one types calls ecpg, a program of PostgreSQL's, and marks every line as wrong without it.
SQL_VALIDATORS_BY_ENGINE: dict[str, str] = {}
