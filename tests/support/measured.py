"""Which tests are measured for coverage, so that measuring costs little.

Owns: switching the tracer of ``coverage run -m pytest`` on while a test that runs the rooms that decide in its own
process is called, and off at all other times, which it would slow down threefold to no end. Must not know: what is
tested.
Invariant: without ``coverage run`` nothing is switched; importing the package, while tests are collected, is measured.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_FOLDERS = tuple(_TESTS / folder for folder in ("unit/planner", "unit/session", "unit/policy", "protocol"))
_TRACER = sys.gettrace()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is measured: the rooms' own tests, but for those that are long and find no branch of their own."""
    for item in items:
        own = any(item.path.is_relative_to(folder) for folder in _FOLDERS)
        needs_server = "postgres" in getattr(item, "fixturenames", ())
        if own and not needs_server and item.get_closest_marker("long") is None:
            item.add_marker("measured")


def pytest_collection_finish() -> None:
    """Everything is imported."""
    if _TRACER is not None:
        sys.settrace(None)
        threading.settrace(None)  # the rooms start no threads


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Have the tracer run while a measured test does."""
    if _TRACER is None or pyfuncitem.get_closest_marker("measured") is None:
        return (yield)
    sys.settrace(_TRACER)
    try:
        return (yield)
    finally:
        sys.settrace(None)


@contextmanager
def unmeasured() -> Iterator[None]:
    """For what a measured test repeats many times over."""
    running = sys.gettrace()
    if running is not None:
        sys.settrace(None)
    try:
        yield
    finally:
        if running is not None:
            sys.settrace(running)
