"""psycopg2 as a client program: simple queries, named cursors, COPY. Must not know: what is expected."""

from __future__ import annotations

import io
import threading
from typing import Any

import psycopg2
import psycopg2.extensions

from tests.clients.programs.task import Task, copied, perform, texts
from tests.clients.programs.with_psycopg import COLUMNS


def connect(task: Task) -> Any:
    connection = psycopg2.connect(**task.libpq())
    connection.autocommit = True
    return connection


def ask(connection: Any, text: str, values: list[object] | None = None) -> list[list[str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return texts(cursor.fetchall())


def masks(task: Task) -> object:
    return ask(connect(task), task.text("rows"))


def catalog(task: Task) -> object:
    name = f"{task.texts['schema']}.{task.texts['table']}"
    return [row[0] for row in ask(connect(task), COLUMNS, [name])]


def parameters(task: Task) -> object:
    connection = connect(task)
    return [ask(connection, task.text("by_id", "%s"), [n])[0] for n in range(1, 11)]


def prepared(task: Task) -> object:
    connection = connect(task)
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE by_id (bigint) AS {task.text('by_id', '$1')}")
    return [ask(connection, "EXECUTE by_id (%s)", [n])[0] for n in range(1, 21)]


def by_cursor(task: Task) -> object:
    connection = psycopg2.connect(**task.libpq())
    with connection, connection.cursor(name="pieces") as cursor:
        cursor.itersize = 1000
        cursor.execute(task.text("many"))
        return texts(cursor)


def errors(task: Task) -> object:
    states: list[str | None] = []
    connection = psycopg2.connect(**task.libpq())
    for failing in ("refused", "failing"):
        for text in (failing, "good"):
            try:
                ask(connection, task.text(text))
            except psycopg2.Error as error:
                states.append(error.pgcode)
        connection.rollback()
        states += ask(connection, task.text("good"))[0]
        connection.rollback()
    connection.close()
    return states


def cancel(task: Task) -> object:
    connection = connect(task)
    timer = threading.Timer(0.5, connection.cancel)
    timer.start()
    state: str | None = None
    try:
        ask(connection, task.text("endless"))
    except psycopg2.Error as error:
        state = error.pgcode
    timer.join()
    return [state, *ask(connection, task.text("good"))[0]]


def copy(task: Task) -> object:
    target = io.StringIO()
    with connect(task).cursor() as cursor:
        cursor.copy_expert(f"COPY ({task.text('copied')}) TO STDOUT", target)
    return copied(target.getvalue())


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
            "COPY": copy,
        }
    )
