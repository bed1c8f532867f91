"""pgJDBC in a Java virtual machine as a client program; its argument is the ``preferQueryMode``.

Must not know: what is expected. The jar is the one that ``CLASSPATH`` names.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jpype

from tests.clients.programs.task import Task, copied, perform, texts


@contextmanager
def connected(task: Task, **options: str) -> Iterator[Any]:
    login = {
        "user": task.user,
        "password": task.password,
        "preferQueryMode": sys.argv[1],
        **({"sslmode": "disable"} if task.ca is None else {"sslmode": "verify-full", "sslrootcert": task.ca}),
        **options,
    }
    properties = jpype.JClass("java.util.Properties")()
    for name, value in login.items():
        properties.setProperty(name, value)
    url = f"jdbc:postgresql://{task.host}:{task.port}/{task.database}"
    connection = jpype.JClass("java.sql.DriverManager").getConnection(url, properties)
    try:
        yield connection
    finally:
        connection.close()


def rows(results: Any) -> list[list[str | None]]:
    """All rows of a ResultSet, by the getter of each column's type."""
    columns = range(1, results.getMetaData().getColumnCount() + 1)
    shown: list[list[Any]] = []
    while results.next():
        shown.append([results.getObject(column) for column in columns])
    return texts(shown)


def ask(connection: Any, text: str) -> list[list[str | None]]:
    statement = connection.createStatement()
    try:
        return rows(statement.executeQuery(text))
    finally:
        statement.close()


def masks(task: Task) -> object:
    with connected(task) as connection:
        return ask(connection, task.text("rows"))


def binary(task: Task) -> object:
    """A threshold of -1 has every result sent in binary from the first execution on."""
    with connected(task, prepareThreshold="-1") as connection:
        return rows(connection.prepareStatement(task.text("rows")).executeQuery())


def catalog(task: Task) -> object:
    """What a tool asks of DatabaseMetaData when it fills its tree, then the columns of one table."""
    schema, table = task.texts["schema"], task.texts["table"]
    with connected(task) as connection:
        about = connection.getMetaData()
        for results in (
            about.getSchemas(),
            about.getCatalogs(),
            about.getTableTypes(),
            about.getTypeInfo(),
            about.getTables(None, schema, "%", None),
            about.getPrimaryKeys(None, schema, table),
            about.getImportedKeys(None, schema, "encounters"),
            about.getExportedKeys(None, schema, table),
            about.getIndexInfo(None, schema, table, False, True),
            about.getFunctions(None, schema, "%"),
            about.getProcedures(None, schema, "%"),
            about.getTablePrivileges(None, schema, table),
            about.getColumnPrivileges(None, schema, table, "%"),
            about.getBestRowIdentifier(None, schema, table, 0, True),
            about.getUDTs(None, schema, "%", None),
            about.getClientInfoProperties(),
        ):
            rows(results)
        about.getMaxColumnNameLength()
        about.getSQLKeywords()
        columns = about.getColumns(None, schema, table, "%")
        shown = []
        while columns.next():
            shown.append(str(columns.getString("COLUMN_NAME")))
        described = connection.prepareStatement(task.text("rows")).executeQuery().getMetaData()
        if str(described.getBaseTableName(1)) != table:
            raise AssertionError(f"the base table of a masked column is {described.getBaseTableName(1)}")
        return shown


def by_id(task: Task, last: int) -> object:
    """The same PreparedStatement: from its fifth use on it has a name on the server, and binary results."""
    with connected(task) as connection:
        statement = connection.prepareStatement(task.text("by_id", "?"))
        shown = []
        for number in range(1, last + 1):
            statement.setLong(1, number)
            shown += rows(statement.executeQuery())
        return shown


def parameters(task: Task) -> object:
    return by_id(task, 10)


def prepared(task: Task) -> object:
    return by_id(task, 20)


def pieces(task: Task) -> object:
    with connected(task) as connection:
        connection.setAutoCommit(False)
        statement = connection.createStatement()
        statement.setFetchSize(1000)
        shown = rows(statement.executeQuery(task.text("many")))
        connection.commit()
        return shown


def errors(task: Task) -> object:
    states: list[str | None] = []
    with connected(task) as connection:
        connection.setAutoCommit(False)
        for failing in ("refused", "failing"):
            for text in (failing, "good"):
                try:
                    ask(connection, task.text(text))
                except jpype.JException as error:
                    states.append(str(error.getSQLState()))
            connection.rollback()
            states += ask(connection, task.text("good"))[0]
            connection.rollback()
    return states


def cancel(task: Task) -> object:
    with connected(task) as connection:
        statement = connection.createStatement()

        def interrupt() -> None:
            time.sleep(0.5)
            statement.cancel()

        thread = threading.Thread(target=interrupt)
        thread.start()
        state: str | None = None
        try:
            statement.executeQuery(task.text("endless"))
        except jpype.JException as error:
            state = str(error.getSQLState())
        thread.join()
        return [state, *ask(connection, task.text("good"))[0]]


def copy(task: Task) -> object:
    with connected(task) as connection:
        target = jpype.JClass("java.io.StringWriter")()
        unwrapped = connection.unwrap(jpype.JClass("org.postgresql.PGConnection"))
        unwrapped.getCopyAPI().copyOut(f"COPY ({task.text('copied')}) TO STDOUT", target)
        return copied(str(target))


if __name__ == "__main__":
    jpype.startJVM(classpath=[os.environ["CLASSPATH"]])
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "BINARY": binary,
            "PIECES": pieces,
            "ERRORS": errors,
            "CANCEL": cancel,
            "COPY": copy,
        }
    )
