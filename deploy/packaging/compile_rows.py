"""Compiles the row loop while pgveil is being installed, where a C compiler is there; else Python runs the same source.

Set PGVEIL_COMPILE=0 to go without, PGVEIL_COMPILE=1 to have a failure end the installation.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCES = ("proxy/wire/data_rows.py", "proxy/tokens/siv_loops.py", "proxy/tokens/number_loops.py")
_LARGEST_LENGTH = 2**32 - 1  # a message's length is a C integer in the compiled loop
_DIRECTIVES = {"language_level": 3, "annotation_typing": False, "wraparound": False}


class CompileRowLoop(BuildHookInterface[Any]):
    """Puts the compiled module beside its source, and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, or say why not."""
        wanted = os.environ.get("PGVEIL_COMPILE", "")
        if wanted == "0" or sys.maxsize < _LARGEST_LENGTH:
            return
        try:
            built = self._compile()
        except (Exception, SystemExit) as error:  # whatever a missing or broken compiler does
            if wanted == "1":
                raise
            self.app.display_warning(f"pgveil runs its row loop uncompiled: {type(error).__name__}: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].extend(f"/{path}" for path in built)

    def _compile(self) -> list[str]:
        from Cython.Build import cythonize  # noqa: PLC0415 - not needed, and perhaps not there, to go without
        from setuptools import Distribution, Extension  # noqa: PLC0415

        folder = Path(self.root)
        here = Path.cwd()
        os.chdir(folder)
        try:
            modules = [Extension(path.removesuffix(".py").replace("/", "."), [path]) for path in _SOURCES]
            work = Path(self.directory) / f"compiled-{sys.version_info.major}.{sys.version_info.minor}"
            compiled = cythonize(modules, build_dir=str(work), compiler_directives=_DIRECTIVES, quiet=True)
            with warnings.catch_warnings():  # about ways of installing that are not ours
                warnings.simplefilter("ignore")
                command = Distribution({"name": "pgveil", "ext_modules": compiled}).get_command_obj("build_ext")
                command.inplace = True
                command.build_temp = str(work)
                command.ensure_finalized()
                command.run()
            return [str(Path(command.get_ext_fullpath(m.name)).absolute().relative_to(folder)) for m in modules]
        finally:
            os.chdir(here)
