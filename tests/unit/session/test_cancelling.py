"""``pg_cancel_backend()``: which texts are a call of it, and what is sent in their place."""

from __future__ import annotations

import pytest

from proxy.session.cancelling import cancelled_by, cancels_nothing


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT pg_cancel_backend(42)",
        b"SELECT pg_cancel_backend(42);",
        b" select pg_catalog.pg_cancel_backend( 42 ) ; \n",
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_a_call(text: bytes, there: bool) -> None:
    """The session is looked for once, and what is sent gives the function's answer without calling it."""
    asked: list[int] = []

    def cancel(process_id: int) -> bool:
        asked.append(process_id)
        return there

    sent = cancelled_by(text, cancel)
    assert sent == (b"SELECT True AS pg_cancel_backend" if there else b"SELECT False AS pg_cancel_backend")
    assert asked == [42]


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT pg_cancel_backend(-42)",
        b"SELECT pg_cancel_backend(42), 1",
        b"SELECT pg_cancel_backend(pid) FROM pg_stat_activity",
        b"SELECT pg_cancel_backend($1)",
        b"SELECT 1; SELECT pg_cancel_backend(42)",
        b"SELECT pg_terminate_backend(42)",
        b'SELECT "pg_cancel_backend"(42)',
        b"SELECT evil.pg_cancel_backend(42)",
        b"SELECT pg_cancel_backend(42)" + b" " * 100,
    ],
)
def test_all_else(text: bytes) -> None:
    """Any other text is planned as it is, which refuses the function."""
    assert cancelled_by(text, lambda _: pytest.fail("cancelled")) is text


def test_without_other_sessions() -> None:
    """Nothing is there to be cancelled."""
    assert cancelled_by(b"SELECT pg_cancel_backend(42)", cancels_nothing) == b"SELECT False AS pg_cancel_backend"
