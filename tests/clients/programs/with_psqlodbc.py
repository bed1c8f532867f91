"""psqlODBC (by pyodbc and unixODBC) as a client program. Must not know: what is expected.

The driver's library is the one that ``PSQLODBC`` names.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pyodbc

from tests.clients.programs.task import Task, perform, texts


def connect(
    task: Task, *, autocommit: bool = True, options: Mapping[str, str] = MappingProxyType({})
) -> pyodbc.Connection:
    settings = {
        "Driver": os.environ["PSQLODBC"],
        "Servername": task.host,
        "Port": str(task.port),
        "Database": task.database,
        "Username": task.user,
        "Password": task.password,
        "SSLmode": "disable" if task.ca is None else "verify-full",
        **({} if task.ca is None else {"pqopt": f"{{sslrootcert={task.ca}}}"}),
        **options,
    }
    wanted = ";".join(f"{name}={value}" for name, value in settings.items())
    return pyodbc.connect(wanted, autocommit=autocommit)


def ask(connection: pyodbc.Connection, text: str, *values: object) -> list[list[str | None]]:
    return texts(connection.cursor().execute(text, *values).fetchall())


def masks(task: Task) -> object:
    return ask(connect(task), task.text("rows"))


def catalog(task: Task) -> object:
    schema, table = task.texts["schema"], task.texts["table"]
    cursor = connect(task).cursor()
    for results in (
        cursor.tables(schema=schema),
        cursor.primaryKeys(table=table, schema=schema),
        cursor.foreignKeys(table=table, schema=schema),
        cursor.statistics(table=table, schema=schema),
        cursor.rowIdColumns(table=table, schema=schema),
        cursor.procedures(schema=schema),
        cursor.getTypeInfo(),
    ):
        results.fetchall()
    return [row.column_name for row in cursor.columns(table=table, schema=schema)]


def _by_id(task: Task, last: int, prepare: str) -> object:
    cursor = connect(task, options={"UseServerSidePrepare": prepare}).cursor()
    return texts(row for n in range(1, last + 1) for row in cursor.execute(task.text("by_id", "?"), n).fetchall())


def parameters(task: Task) -> object:
    return _by_id(task, 10, prepare="0")


def prepared(task: Task) -> object:
    return _by_id(task, 20, prepare="1")


def by_cursor(task: Task) -> object:
    """With ``UseDeclareFetch`` the driver declares a cursor for each SELECT and fetches from it."""
    with connect(task, autocommit=False, options={"UseDeclareFetch": "1", "Fetch": "1000"}) as connection:
        return ask(connection, task.text("many"))


def errors(task: Task) -> object:
    """``Protocol=7.4-0``: the driver puts no savepoints of its own around statements."""
    states: list[str] = []
    connection = connect(task, autocommit=False, options={"Protocol": "7.4-0"})
    for failing in ("refused", "failing"):
        for text in (failing, "good"):
            try:
                ask(connection, task.text(text))
            except pyodbc.Error as error:
                states.append(error.args[0])
        connection.rollback()
        states += [str(value) for value in ask(connection, task.text("good"))[0]]
        connection.rollback()
    connection.close()
    return states


def cancel(task: Task) -> object:
    connection = connect(task)
    cursor = connection.cursor()
    timer = threading.Timer(0.5, cursor.cancel)
    timer.start()
    state: Any = None
    try:
        cursor.execute(task.text("endless"))
    except pyodbc.Error as error:
        state = error.args[0]
    timer.join()
    return [state, *ask(connection, task.text("good"))[0]]


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "CURSOR": by_cursor,
            "ERRORS": errors,
            "CANCEL": cancel,
        }
    )
