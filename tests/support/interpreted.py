"""Modules that may be compiled, as Python runs them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from proxy.tokens import number_loops, siv_loops
from proxy.wire import data_rows

COMPILABLE = (data_rows, number_loops, siv_loops)
_ROOT = Path(__file__).resolve().parents[2]


def source(module: ModuleType) -> Path:
    """The file that it is, or was compiled from."""
    return _ROOT / f"{module.__name__.replace('.', '/')}.py"


def interpreted(module: ModuleType) -> ModuleType:
    """The same module, from its source."""
    spec = importlib.util.spec_from_file_location(f"interpreted_{module.__name__.rpartition('.')[2]}", source(module))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
