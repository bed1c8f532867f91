"""The generator of the strict dialect, as sqlglot calls it.

Owns: the table of what can be printed. Must not know: how each node is printed.
Invariant: a node that is not in the table is an error; sqlglot's own printers, which translate, are not reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn

from sqlglot import exp
from sqlglot.generators.postgres import PostgresGenerator

from proxy.planner.dialect.print_expressions import EXPRESSIONS, Printers
from proxy.planner.dialect.print_queries import QUERIES

_PRINTERS: Final[Printers] = {**EXPRESSIONS, **QUERIES}


class StrictGenerator(PostgresGenerator):
    """Prints what StrictParser reads, and nothing else."""

    def generate(self, expression: exp.Expr, copy: bool = True) -> str:
        """The text of ``expression``, which is never changed and so never copied. Raises ValueError."""
        self._dispatch: dict[type[exp.Expr], Callable[..., str]] = _PRINTERS
        self.comments = False
        return self.sql(expression)

    def function_fallback_sql(self, expression: exp.Func) -> NoReturn:
        """Refuse a function that was not read as a Call."""
        raise ValueError(f"{type(expression).__name__} has no print in this dialect")

    def property_sql(self, expression: exp.Property) -> NoReturn:
        """Refuse DDL."""
        raise ValueError(f"{type(expression).__name__} has no print in this dialect")
