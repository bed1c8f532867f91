"""pandas as a client program: data frames by SQLAlchemy, in chunks too. Must not know: what is expected."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import text

from tests.clients.programs.task import Task, perform, texts
from tests.clients.programs.with_sqlalchemy import engine


def _rows(frame: Any) -> list[list[str | None]]:
    return texts([None if pd.isna(value) else value for value in row] for row in frame.itertuples(index=False))


def masks(task: Task) -> object:
    with engine(task).connect() as connection:
        return _rows(pd.read_sql_query(text(task.text("rows")), connection))


def catalog(task: Task) -> object:
    """``read_sql_table`` reflects the table, and reads all of it."""
    with engine(task).connect() as connection:
        return list(pd.read_sql_table(task.texts["table"], connection, schema=task.texts["schema"]).columns)


def parameters(task: Task) -> object:
    statement = text(task.text("by_id", ":number"))
    with engine(task).connect() as connection:
        return [_rows(pd.read_sql_query(statement, connection, params={"number": n}))[0] for n in range(1, 11)]


def by_cursor(task: Task) -> object:
    with engine(task).connect().execution_options(stream_results=True) as connection:
        chunks = pd.read_sql_query(text(task.text("many")), connection, chunksize=1000)
        return [row for chunk in chunks for row in _rows(chunk)]


if __name__ == "__main__":
    perform({"MASKS": masks, "CATALOG": catalog, "PARAMETERS": parameters, "CURSOR": by_cursor})
