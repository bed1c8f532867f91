"""pg8000 as a client program: pure Python, no cancel. Must not know: what is expected."""

from __future__ import annotations

import io
import ssl
from typing import Any

import pg8000.dbapi
import pg8000.native
from pg8000.exceptions import DatabaseError

from tests.clients.programs.task import Task, copied, perform, texts
from tests.clients.programs.with_psycopg import COLUMNS


def _login(task: Task) -> dict[str, Any]:
    return {
        "user": task.user,
        "host": task.host,
        "port": task.port,
        "password": task.password,
        "database": task.database,
        "ssl_context": None if task.ca is None else ssl.create_default_context(cafile=task.ca),
    }


def connect(task: Task) -> Any:
    connection = pg8000.dbapi.connect(**_login(task))
    connection.autocommit = True
    return connection


def ask(connection: Any, text: str, values: tuple[object, ...] = ()) -> list[list[str | None]]:
    cursor = connection.cursor()
    cursor.execute(text, values)
    return texts(cursor.fetchall())


def masks(task: Task) -> object:
    return ask(connect(task), task.text("rows"))


def catalog(task: Task) -> object:
    name = f"{task.texts['schema']}.{task.texts['table']}"
    return [row[0] for row in ask(connect(task), COLUMNS, (name,))]


def parameters(task: Task) -> object:
    connection = connect(task)
    return [ask(connection, task.text("by_id", "%s"), (n,))[0] for n in range(1, 11)]


def prepared(task: Task) -> object:
    with pg8000.native.Connection(**_login(task)) as connection:
        statement = connection.prepare(task.text("by_id", ":number"))
        shown = [texts(statement.run(number=n))[0] for n in range(1, 21)]
        statement.close()
        return shown


def by_cursor(task: Task) -> object:
    connection = pg8000.dbapi.connect(**_login(task))
    cursor = connection.cursor()
    cursor.execute(f"DECLARE pieces CURSOR FOR {task.text('many')}")
    shown: list[list[str | None]] = []
    while rows := ask(connection, "FETCH FORWARD 1000 FROM pieces"):
        shown += rows
    connection.rollback()
    connection.close()
    return shown


def errors(task: Task) -> object:
    states: list[str | None] = []
    connection = pg8000.dbapi.connect(**_login(task))
    for failing in ("refused", "failing"):
        for text in (failing, "good"):
            try:
                ask(connection, task.text(text))
            except DatabaseError as error:
                states.append(error.args[0]["C"])
        connection.rollback()
        states += ask(connection, task.text("good"))[0]
        connection.rollback()
    connection.close()
    return states


def copy(task: Task) -> object:
    target = io.BytesIO()
    connect(task).cursor().execute(f"COPY ({task.text('copied')}) TO STDOUT", stream=target)
    return copied(target.getvalue().decode())


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "CURSOR": by_cursor,
            "ERRORS": errors,
            "COPY": copy,
        }
    )
