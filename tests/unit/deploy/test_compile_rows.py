"""The modules that are compiled where there is a compiler."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.interpreted import COMPILABLE, interpreted, source

_HOOK = Path(__file__).resolve().parents[3] / "deploy" / "packaging" / "compile_rows.py"
_EACH = pytest.mark.parametrize("module", COMPILABLE, ids=lambda m: m.__name__)


def test_the_modules_are_those_that_the_installation_compiles() -> None:
    """What is compiled is tested in both ways."""
    listed = re.findall(r'"proxy/([a-z_/]+)\.py"', _HOOK.read_text())
    assert sorted(f"proxy.{path.replace('/', '.')}" for path in listed) == sorted(m.__name__ for m in COMPILABLE)


@_EACH
def test_a_compiled_module_is_of_its_source(module: ModuleType) -> None:
    """An installation that was compiled before its source changed would test, and run, something else."""
    path = Path(str(module.__file__))
    old = module.compiled() and path.stat().st_mtime < source(module).stat().st_mtime
    assert not old, f"install again: {path} is old"


@_EACH
def test_a_module_says_whether_it_is_compiled(module: ModuleType) -> None:
    """The log and the metrics name the path that runs."""
    assert interpreted(module).compiled() is False
    assert module.compiled() is (not str(module.__file__).endswith(".py"))
