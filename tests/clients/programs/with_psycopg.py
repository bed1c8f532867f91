"""psycopg 3 as a client program. Must not know: what is expected."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from psycopg import sql

from tests.clients.programs.task import Task, perform, texts

COLUMNS = """
    SELECT a.attname FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def connect(task: Task) -> psycopg.Connection[Any]:
    return psycopg.connect(**task.libpq(), autocommit=True)  # type: ignore[arg-type]


def query(text: str) -> sql.SQL:
    return sql.SQL(text)


def masks(task: Task) -> object:
    with connect(task) as connection:
        return texts(connection.execute(query(task.text("rows"))))


def binary(task: Task) -> object:
    with connect(task) as connection:
        return texts(connection.execute(query(task.text("rows")), binary=True))


def catalog(task: Task) -> object:
    with connect(task) as connection:
        name = f"{task.texts['schema']}.{task.texts['table']}"
        return [row[0] for row in connection.execute(COLUMNS, [name])]


def parameters(task: Task) -> object:
    with connect(task) as connection:
        text = query(task.text("by_id", "%s"))
        return texts(connection.execute(text, [n]).fetchone() or () for n in range(1, 11))


def prepared(task: Task) -> object:
    with connect(task) as connection:
        text = query(task.text("by_id", "%s"))
        return texts(connection.execute(text, [n], prepare=True).fetchone() or () for n in range(1, 21))


def pieces(task: Task) -> object:
    with connect(task) as connection, connection.cursor() as cursor:
        return texts(cursor.stream(query(task.text("many")), size=1000))


def by_cursor(task: Task) -> object:
    with connect(task) as connection, connection.transaction(), connection.cursor(name="pieces") as cursor:
        cursor.itersize = 1000
        cursor.execute(query(task.text("many")))
        return texts(cursor)


def errors(task: Task) -> object:
    states: list[str | None] = []
    with connect(task) as connection:
        for failing in ("refused", "failing"):
            connection.execute("BEGIN")
            for text in (failing, "good"):
                try:
                    connection.execute(query(task.text(text)))
                except psycopg.Error as error:
                    states.append(error.sqlstate)
            connection.execute("ROLLBACK")
            states += [str(row[0]) for row in connection.execute(query(task.text("good")))]
    return states


def cancel(task: Task) -> object:
    with connect(task) as connection:
        timer = threading.Timer(0.5, connection.cancel_safe)
        timer.start()
        state: str | None = None
        try:
            connection.execute(query(task.text("endless")))
        except psycopg.Error as error:
            state = error.sqlstate
        timer.join()
        return [state, *(str(row[0]) for row in connection.execute(query(task.text("good"))))]


def copy(task: Task) -> object:
    statement = query(f"COPY ({task.text('copied')}) TO STDOUT (FORMAT binary)")
    with connect(task) as connection, connection.cursor().copy(statement) as copied:
        copied.set_types(["int8", "bpchar", "date", "text"])
        return texts(copied.rows())


def pipeline(task: Task) -> object:
    with connect(task) as connection:
        text = query(task.text("by_id", "%s"))
        with connection.pipeline():
            cursors = [connection.execute(text, [n]) for n in range(1, 11)]
        return texts(cursor.fetchone() or () for cursor in cursors)


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": parameters,
            "PREPARED": prepared,
            "BINARY": binary,
            "PIECES": pieces,
            "CURSOR": by_cursor,
            "ERRORS": errors,
            "CANCEL": cancel,
            "COPY": copy,
            "PIPELINE": pipeline,
        }
    )
