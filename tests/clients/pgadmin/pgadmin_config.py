"""pgAdmin's own settings for the test: a server with logins, and everything that it writes in one folder.

pgAdmin imports this file (``CONFIG_DISTRO_FILE_PATH``) inside its own virtual environment. Must not know: pgveil.
Invariant: it calls nobody but the database.
"""

from __future__ import annotations

import os

SERVER_MODE = True
DATA_DIR = os.environ["PGADMIN_HOME"]
LOG_FILE = f"{DATA_DIR}/pgadmin4.log"
SQLITE_PATH = f"{DATA_DIR}/pgadmin4.db"
SESSION_DB_PATH = f"{DATA_DIR}/sessions"
STORAGE_DIR = f"{DATA_DIR}/storage"
DEFAULT_SERVER = "127.0.0.1"
DEFAULT_SERVER_PORT = int(os.environ["PGADMIN_PORT"])
MASTER_PASSWORD_REQUIRED = False
UPGRADE_CHECK_ENABLED = False
SHOW_GRAVATAR_IMAGE = False  # a service elsewhere
