"""SQLAlchemy over psycopg2 as a client program: reflection, bound parameters, streams.

Must not know: what is expected.
"""

from __future__ import annotations

import threading

import sqlalchemy
from sqlalchemy import BigInteger, bindparam, text

from tests.clients.programs.task import Task, perform, texts


def engine(task: Task) -> sqlalchemy.Engine:
    login = task.libpq()
    url = sqlalchemy.URL.create("postgresql+psycopg2")
    return sqlalchemy.create_engine(url, connect_args=login, poolclass=sqlalchemy.NullPool)


def masks(task: Task) -> object:
    with engine(task).connect() as connection:
        return texts(connection.execute(text(task.text("rows"))))


def catalog(task: Task) -> object:
    """Everything that reflection reads, of all tables, then the columns of one."""
    bound, schema = engine(task), task.texts["schema"]
    sqlalchemy.MetaData(schema=schema).reflect(bound, views=True)
    inspector = sqlalchemy.inspect(bound)
    inspector.get_schema_names()
    inspector.get_multi_indexes(schema)
    inspector.get_multi_check_constraints(schema)
    inspector.get_multi_table_comment(schema)
    inspector.get_view_definition("active_patients", schema)
    inspector.get_sequence_names(schema)
    return [column["name"] for column in inspector.get_columns(task.texts["table"], schema)]


def _by_id(task: Task, last: int) -> object:
    statement = text(task.text("by_id", ":number")).bindparams(bindparam("number", type_=BigInteger))
    with engine(task).connect() as connection:
        return texts(connection.execute(statement, {"number": n}).one() for n in range(1, last + 1))


def by_cursor(task: Task) -> object:
    with engine(task).connect().execution_options(yield_per=1000) as connection:
        return texts(connection.execute(text(task.text("many"))))


def errors(task: Task) -> object:
    states: list[str | None] = []
    with engine(task).connect() as connection:
        for failing in ("refused", "failing"):
            for name in (failing, "good"):
                try:
                    connection.execute(text(task.text(name)))
                except sqlalchemy.exc.DBAPIError as error:
                    states.append(getattr(error.orig, "pgcode", None))
            connection.rollback()
            states.append(str(connection.execute(text(task.text("good"))).scalar_one()))
            connection.rollback()
    return states


def cancel(task: Task) -> object:
    with engine(task).connect() as connection:
        driver = connection.connection.driver_connection
        timer = threading.Timer(0.5, driver.cancel if driver is not None else connection.close)
        timer.start()
        state: str | None = None
        try:
            connection.execute(text(task.text("endless")))
        except sqlalchemy.exc.DBAPIError as error:
            state = getattr(error.orig, "pgcode", None)
        timer.join()
        connection.rollback()
        return [state, str(connection.execute(text(task.text("good"))).scalar_one())]


if __name__ == "__main__":
    perform(
        {
            "MASKS": masks,
            "CATALOG": catalog,
            "PARAMETERS": lambda task: _by_id(task, 10),
            "CURSOR": by_cursor,
            "ERRORS": errors,
            "CANCEL": cancel,
        }
    )
