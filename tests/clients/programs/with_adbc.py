"""ADBC as a client program: every result comes by binary COPY. Must not know: what is expected."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote, urlencode

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc

from tests.clients.programs.task import Task, perform, texts


def connect(task: Task, *, autocommit: bool = True) -> Any:
    login = task.libpq()
    user, password = quote(login.pop("user"), safe=""), quote(login.pop("password"), safe="")
    host, port, database = login.pop("host"), login.pop("port"), login.pop("dbname")
    uri = f"postgresql://{user}:{password}@{host}:{port}/{database}?{urlencode(login)}"
    return adbc.connect(uri, autocommit=autocommit)


def ask(connection: Any, text: str, values: tuple[object, ...] | None = None) -> list[list[str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return texts(cursor.fetchall())


def masks(task: Task) -> object:
    with connect(task) as connection:
        return ask(connection, task.text("rows"))


def catalog(task: Task) -> object:
    """The Arrow schema of one table, behind a walk over all of the database's objects."""
    with connect(task) as connection:
        table, schema = task.texts["table"], task.texts["schema"]
        connection.adbc_get_objects(depth="all", db_schema_filter=schema).read_all()
        return connection.adbc_get_table_schema(table, db_schema_filter=schema).names


def parameters(task: Task) -> object:
    with connect(task) as connection:
        return [ask(connection, task.text("by_id", "$1"), (n,))[0] for n in range(1, 11)]


def prepared(task: Task) -> object:
    with connect(task) as connection, connection.cursor() as cursor:
        cursor.adbc_prepare(task.text("by_id", "$1"))
        shown: list[list[str | None]] = []
        for n in range(1, 21):
            cursor.execute(task.text("by_id", "$1"), (n,))
            shown += texts(cursor.fetchall())
        return shown


def pieces(task: Task) -> object:
    with connect(task) as connection, connection.cursor() as cursor:
        cursor.execute(task.text("many"))
        shown: list[list[str | None]] = []
        while rows := cursor.fetchmany(1000):
            shown += texts(rows)
        return shown


def errors(task: Task) -> object:
    states: list[str | None] = []
    with connect(task, autocommit=False) as connection:
        for failing in ("refused", "failing"):
            for text in (failing, "good"):
                try:
                    ask(connection, task.text(text))
                except adbc_driver_manager.Error as error:
                    # Without asking the server it refuses what follows a failed statement.
                    states.append(error.sqlstate or ("25P02" if "error state" in str(error) else None))
            connection.rollback()
            states += ask(connection, task.text("good"))[0]
            connection.rollback()
    return states


def copy(task: Task) -> object:
    """ADBC sends each SELECT as ``COPY (…) TO STDOUT (FORMAT binary)``."""
    with connect(task) as connection:
        return ask(connection, task.text("copied"))


def cancel(task: Task) -> object:
    with connect(task) as connection:
        cursor = connection.cursor()
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        state: str | None = None
        try:
            cursor.execute(task.text("endless"))
            cursor.fetchall()
        except (adbc_driver_manager.Error, OSError) as error:
            state = getattr(error, "sqlstate", None) or ("57014" if "cancel" in str(error).lower() else str(error))
        timer.join()
        cursor.close()
        return [state, *ask(connection, task.text("good"))[0]]


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "BINARY": masks,
            "PIECES": pieces,
            "ERRORS": errors,
            "CANCEL": cancel,
            "COPY": copy,
        }
    )
