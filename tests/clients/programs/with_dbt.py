"""dbt-postgres as a client program, for a role that only reads: ``debug``, ``show`` and ``docs generate``.

Must not know: what is expected. dbt's own program is the one that ``DBT`` names: it is installed apart, for its
libraries are not ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.programs.task import Task, perform, texts

_PROJECT = "name: clinic\nprofile: clinic\nversion: '1.0'\nconfig-version: 2\n"


@contextmanager
def project(task: Task) -> Iterator[Path]:
    """A folder with a project of one source and one model, and the profile of the login."""
    tls = {"sslmode": "disable"} if task.ca is None else {"sslmode": "verify-full", "sslrootcert": task.ca}
    login = {
        "type": "postgres",
        "host": task.host,
        "port": task.port,
        "user": task.user,
        "password": "{{ env_var('DBT_ENV_SECRET_TOKEN') }}",
        "dbname": task.database,
        "schema": task.texts["schema"],
        "threads": 2,
        **tls,
    }
    source = {"name": "clinic", "schema": task.texts["schema"], "tables": [{"name": task.texts["table"]}]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").mkdir()
        (folder / "dbt_project.yml").write_text(_PROJECT)
        # JSON is YAML.
        profile = {"clinic": {"target": "dev", "outputs": {"dev": login}}}
        (folder / "profiles.yml").write_text(json.dumps(profile))
        (folder / "models" / "sources.yml").write_text(json.dumps({"version": 2, "sources": [source]}))
        (folder / "models" / "ages.sql").write_text(
            "SELECT patient_id, dob FROM {{ source('clinic', '" + task.texts["table"] + "') }}"
        )
        yield folder


def dbt(task: Task, folder: Path, *arguments: str) -> str:
    """What dbt prints; it must succeed."""
    environment = os.environ | {
        "DBT_ENV_SECRET_TOKEN": task.password,
        "DBT_PROFILES_DIR": str(folder),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "HOME": str(folder),
    }
    done = subprocess.run(
        [os.environ["DBT"], "--no-use-colors", "--no-version-check", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(done.stdout[-3000:] + done.stderr[-1000:])
    return done.stdout


def masks(task: Task) -> object:
    """``debug`` must find everything in order; ``show`` prints the rows of a statement."""
    with project(task) as folder:
        if "Connection test: [OK" not in (said := dbt(task, folder, "debug")):
            raise AssertionError(said)
        arguments = ("--inline", task.text("rows"), "--limit", "-1", "--output", "json", "--quiet")
        shown = json.loads(dbt(task, folder, "show", *arguments))["show"]
    return texts(row.values() for row in shown)


def catalog(task: Task) -> object:
    with project(task) as folder:
        dbt(task, folder, "docs", "generate")
        written = json.loads((folder / "target" / "catalog.json").read_text())
    columns = written["sources"][f"source.clinic.clinic.{task.texts['table']}"]["columns"]
    return [column["name"] for column in sorted(columns.values(), key=lambda column: column["index"])]


if __name__ == "__main__":
    perform({"MASKS": masks, "CATALOG": catalog})
