"""asyncpg as a client program: always binary. Must not know: what is expected."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from tests.clients.programs.task import Task, copied, perform, texts

COLUMNS = """
    SELECT column_name::text FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2
    ORDER BY ordinal_position
"""


@asynccontextmanager
async def connected(task: Task) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host=task.host,
        port=task.port,
        user=task.user,
        password=task.password,
        database=task.database,
        ssl=False if task.ca is None else ssl.create_default_context(cafile=task.ca),
    )
    try:
        yield connection
    finally:
        await connection.close()


async def masks(task: Task) -> object:
    async with connected(task) as connection:
        return texts(await connection.fetch(task.text("rows")))


async def catalog(task: Task) -> object:
    async with connected(task) as connection:
        rows = await connection.fetch(COLUMNS, task.texts["schema"], task.texts["table"])
        return [row[0] for row in rows]


async def parameters(task: Task) -> object:
    async with connected(task) as connection:
        return texts([await connection.fetchrow(task.text("by_id", "$1"), n) for n in range(1, 11)])


async def prepared(task: Task) -> object:
    async with connected(task) as connection:
        statement = await connection.prepare(task.text("by_id", "$1"))
        return texts([await statement.fetchrow(n) for n in range(1, 21)])


async def pieces(task: Task) -> object:
    async with connected(task) as connection, connection.transaction():
        return texts([row async for row in connection.cursor(task.text("many"), prefetch=1000)])


async def errors(task: Task) -> object:
    states: list[str] = []
    async with connected(task) as connection:
        for failing in ("refused", "failing"):
            transaction = connection.transaction()
            await transaction.start()
            for text in (failing, "good"):
                try:
                    await connection.fetch(task.text(text))
                except asyncpg.PostgresError as error:
                    states.append(error.sqlstate)
            await transaction.rollback()
            states.append(str(await connection.fetchval(task.text("good"))))
    return states


async def cancel(task: Task) -> object:
    """asyncpg cancels when its caller's task is cancelled, and hides the server's answer (57014) behind that."""
    async with connected(task) as connection:
        try:
            await connection.fetch(task.text("endless"), timeout=0.5)
        except TimeoutError:
            return ["57014", str(await connection.fetchval(task.text("good")))]
    return []


async def copy(task: Task) -> object:
    target = io.BytesIO()
    async with connected(task) as connection:
        await connection.copy_from_query(task.text("copied"), output=target)
    return copied(target.getvalue().decode())


def _to_the_end(feature: Callable[[Task], Awaitable[object]]) -> Callable[[Task], object]:
    async def run(task: Task) -> object:
        return await feature(task)

    return lambda task: asyncio.run(run(task))


if __name__ == "__main__":
    perform(
        {
            "MASKS": _to_the_end(masks),
            "CATALOG": _to_the_end(catalog),
            "PARAMETERS": _to_the_end(parameters),
            "PREPARED": _to_the_end(prepared),
            "BINARY": _to_the_end(masks),
            "PIECES": _to_the_end(pieces),
            "ERRORS": _to_the_end(errors),
            "CANCEL": _to_the_end(cancel),
            "COPY": _to_the_end(copy),
        }
    )
