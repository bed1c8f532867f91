"""The house rules, read from the source: who may import whom, how long things may be, what must not be there.

Each failure names the rule and the places that break it, one a line: ``proxy/net/x.py:12: imports sqlglot``.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_MAX_FILE, _MAX_FUNCTION = 400, 60
_BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager"}

# One door for each library: the parts of proxy/ (folders end in a slash) through which it comes in.
_DOORS: dict[str, tuple[str, ...]] = {
    "sqlglot": ("planner/",),
    "postgast": ("planner/",),
    "google": ("planner/",),  # protobuf, which postgast's trees are made of
    "jwt": ("identity/",),
    "cryptography": ("tokens/", "net/tls.py", "identity/local_issuer.py"),
    "ruamel": ("policy/", "settings_document.py"),
    "numpy": ("tokens/",),
    "asyncpg": ("catalog/", "demo/clinic.py", "identity/handle_database.py"),
    "prometheus_client": ("metrics.py",),
    "aiohttp": ("admin/", "identity/"),
    "scramp": ("net/",),
    "uvloop": ("app.py", "cli/", "net/"),
    "typer": ("cli/",),
    "rich": ("cli/", "demo/"),
    "pydantic": ("policy/", "identity/", "settings.py", "settings_table.py", "settings_types.py"),
    "pydantic_core": ("policy/", "identity/", "settings.py", "settings_table.py"),
}

_WAITING = ("asyncio", "socket", "ssl", "select", "selectors", "threading", "multiprocessing", "concurrent")
_PURE_ROOMS = ("wire", "session", "planner", "policy", "tokens")

# What each room must not know: modules, and other rooms as proxy.ROOM. A name covers what is below it.
_MUST_NOT_KNOW: dict[str, tuple[str, ...]] = {
    "wire": _WAITING,
    "identity": (
        "proxy.wire", "proxy.policy", "proxy.catalog", "proxy.planner", "proxy.session", "proxy.net", "proxy.audit",
        "proxy.admin", "proxy.metrics",
    ),
    "policy": (
        *_WAITING, "proxy.wire", "proxy.session", "proxy.net", "proxy.planner", "proxy.identity", "proxy.audit",
        "proxy.admin", "proxy.metrics",
    ),
    "catalog": (
        "proxy.policy", "proxy.wire", "proxy.session", "proxy.net", "proxy.planner", "proxy.identity", "proxy.tokens",
        "proxy.audit", "proxy.admin", "proxy.metrics",
    ),
    "planner": (
        *_WAITING, "proxy.wire", "proxy.session", "proxy.net", "proxy.identity", "proxy.audit", "proxy.admin",
        "proxy.metrics",
    ),
    "tokens": (
        *_WAITING, "proxy.policy", "proxy.catalog", "proxy.planner", "proxy.wire", "proxy.session", "proxy.net",
        "proxy.identity", "proxy.audit", "proxy.admin", "proxy.metrics",
    ),
    "session": (*_WAITING, "proxy.policy", "proxy.catalog", "proxy.net", "proxy.audit", "proxy.admin", "proxy.metrics"),
    "net": ("proxy.planner", "proxy.policy", "proxy.catalog", "proxy.tokens", "proxy.audit", "proxy.admin"),
    "audit": ("proxy.metrics", "proxy.admin", "proxy.wire", "proxy.net"),
}  # fmt: skip
# The only modules of a room that these others may look at.
_ONLY_THROUGH: dict[str, dict[str, tuple[str, ...]]] = {
    "wire": {"proxy": ("proxy.wire", "proxy.errors")},
    "session": {"proxy.planner": ("proxy.planner.plan", "proxy.planner.allowed_settings")},
    "planner": {"proxy.catalog": ("proxy.catalog.snapshot",)},
    "policy": {"proxy.catalog": ("proxy.catalog.snapshot",)},
}
_TOP = ("proxy.cli", "proxy.app", "proxy.demo")  # the outside: nothing inside imports it


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file. ``part`` is its path inside proxy/ or tests/, ``imports`` are (line, module) pairs."""

    path: Path
    part: str
    text: str
    tree: ast.Module
    imports: tuple[tuple[int, str], ...]

    @property
    def room(self) -> str:
        """The first folder, or the file's own name at the top."""
        return self.part.split("/", 1)[0].removesuffix(".py")

    def at(self, line: int, what: str) -> str:
        """A finding, as an editor opens it."""
        return f"{self.path.relative_to(_ROOT)}:{line}: {what}"


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


@cache
def _sources(folder: str) -> tuple[Source, ...]:
    found = []
    for path in sorted((_ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
        part = path.relative_to(_ROOT / folder).as_posix()
        found.append(Source(path, part, text, tree, tuple(_imports(tree))))
    return tuple(found)


def _covers(name: str, module: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def _report(rule: str, findings: list[str]) -> None:
    assert not findings, "\n".join([f"{rule}:", *findings])


def _scan(folder: str, *judges: Callable[[Source, ast.AST], str | None]) -> list[str]:
    """What the judges say of each node of each file that has a line number."""
    return [
        source.at(getattr(node, "lineno", 0), finding)
        for source in _sources(folder)
        for node in ast.walk(source.tree)
        for judge in judges
        if (finding := judge(source, node)) is not None
    ]


def _called(node: ast.AST) -> str | None:
    """The name of what a call or a decorator names, dots and all."""
    target = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute) else None


def test_the_scan_sees_the_rooms() -> None:
    """The rules below look at the files that matter (an empty scan would pass them all)."""
    assert {"wire", "identity", "planner", "session", "net"} <= {source.room for source in _sources("proxy")}
    assert any(
        module == "sqlglot" or module.startswith("sqlglot.") for s in _sources("proxy") for _, module in s.imports
    )


def test_each_library_has_one_door() -> None:
    """A third-party library is imported in the rooms that own it only, and none is imported that has no room."""
    findings = []
    for source in _sources("proxy"):
        for line, module in source.imports:
            top = module.split(".", 1)[0]
            if top == "proxy" or top == "__future__" or top in sys.stdlib_module_names:
                continue
            doors = _DOORS.get(top)
            if doors is None:
                findings.append(source.at(line, f"imports {top}, which has no door in this test"))
            elif not source.part.startswith(doors):
                findings.append(source.at(line, f"imports {top}, which may come in through {', '.join(doors)} only"))
    _report("one door for each library", findings)


def test_rooms_do_not_know_what_they_must_not() -> None:
    """No room imports what the design's table of rooms says that it must not know."""
    findings = []
    for source in _sources("proxy"):
        for line, module in source.imports:
            findings += [
                source.at(line, f"imports {module}; {source.room} must not know {banned}")
                for banned in _MUST_NOT_KNOW.get(source.room, ())
                if _covers(banned, module)
            ]
            for owner, doors in _ONLY_THROUGH.get(source.room, {}).items():
                if _covers(owner, module) and not any(_covers(door, module) for door in doors):
                    findings.append(source.at(line, f"imports {module}; {source.room} may use {', '.join(doors)} only"))
    _report("what a room must not know", findings)


def test_nothing_inside_imports_the_outside() -> None:
    """The command line, the application and the demo are imported by each other only."""
    findings = [
        source.at(line, f"imports {module}")
        for source in _sources("proxy")
        if source.room not in ("cli", "app", "demo")
        for line, module in source.imports
        if any(_covers(top, module) for top in _TOP)
    ]
    _report("the outside is not imported from the inside", findings)


def test_the_core_does_not_wait() -> None:
    """Pure rooms have no coroutine and no await."""

    def judge(source: Source, node: ast.AST) -> str | None:
        waits = isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        return f"waits; {source.room} is pure" if waits and source.room in _PURE_ROOMS else None

    _report("the core is pure", _scan("proxy", judge))


def test_imports_are_absolute() -> None:
    """Every import names its module from the top."""
    findings = [
        source.at(line, f"imports {module}")
        for folder in ("proxy", "tests")
        for source in _sources(folder)
        for line, module in source.imports
        if module.startswith(".")
    ]
    _report("absolute imports", findings)


def test_files_and_functions_are_short() -> None:
    """No file of the package is longer than 400 lines, no function longer than 60."""

    def judge(_source: Source, node: ast.AST) -> str | None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > _MAX_FUNCTION:
                return f"{node.name} has {length} lines, at most {_MAX_FUNCTION} are allowed"
        return None

    files = [
        source.at(1, f"has {length} lines, at most {_MAX_FILE} are allowed")
        for source in _sources("proxy")
        if (length := len(source.text.splitlines())) > _MAX_FILE
    ]
    _report("short files and functions", files + _scan("proxy", judge))


def test_names_say_what_a_thing_is() -> None:
    """No file, folder or class is called after nothing in particular."""

    def judge(_source: Source, node: ast.AST) -> str | None:
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", node.name)}
            return f"class {node.name}" if words & _BANNED_NAMES else None
        return None

    files = [
        source.at(1, f"is called {word}")
        for folder in ("proxy", "tests")
        for source in _sources(folder)
        for word in source.part.removesuffix(".py").removeprefix("test_").split("/")
        if word.removeprefix("test_") in _BANNED_NAMES
    ]
    _report("names that say nothing", files + _scan("proxy", judge))


def test_each_file_opens_with_its_paragraph() -> None:
    """Each file says what it is; each module of the package says what it owns, must not know, and keeps true."""
    findings = []
    for folder in ("proxy", "tests"):
        for source in _sources(folder):
            opening = ast.get_docstring(source.tree) or ""
            wanted = ("Owns", "ust not know", "nvariant")
            empty = not source.text.strip() and source.part.endswith("__init__.py")
            if not opening and not empty:
                findings.append(source.at(1, "has no opening paragraph"))
            elif folder == "proxy" and not source.part.endswith("__init__.py"):
                findings += [source.at(1, f'does not say "{word}"') for word in wanted if word not in opening]
    _report("each file opens with a paragraph", findings)


def test_nothing_prints() -> None:
    """Only a command prints; everything else logs or raises."""

    def judge(source: Source, node: ast.AST) -> str | None:
        if source.room in ("cli", "demo") or not isinstance(node, ast.Call):
            return None
        return "prints" if _called(node) in ("print", "sys.stdout.write") and "generate" not in source.part else None

    _report("only commands print", _scan("proxy", judge))


def test_checks_are_not_asserts() -> None:
    """The package has no ``assert``: python -O drops them, and a check that matters is an exception."""
    _report("no assert", _scan("proxy", lambda _, n: "asserts" if isinstance(n, ast.Assert) else None))


def test_no_test_is_skipped() -> None:
    """No test is skipped or expected to fail; only a missing server may leave tests out, and in CI not even that."""
    banned = re.compile(r"(pytest\.)?(mark\.)?(skip|skipif|xfail|importorskip)|unittest\.skip\w*")

    def judge(source: Source, node: ast.AST) -> str | None:
        name = _called(node) if isinstance(node, ast.Attribute | ast.Name) else None
        if name is None or not banned.fullmatch(name) or (source.part, name) == ("support/postgres.py", "pytest.skip"):
            return None
        return f"uses {name}"

    _report("no skipped tests", _scan("tests", judge))


def test_each_test_says_what_must_hold() -> None:
    """Every test has a docstring."""

    def judge(_source: Source, node: ast.AST) -> str | None:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            return None
        return f"{node.name} does not say what must hold" if ast.get_docstring(node) is None else None

    _report("each test says what must hold", _scan("tests", judge))


def test_nothing_is_left_for_later() -> None:
    """No comment or docstring promises work to come."""
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bnot implemented yet\b", re.ASCII)
    findings = []
    for folder in ("proxy", "tests"):
        for source in _sources(folder):
            if source.path == Path(__file__):
                continue
            for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
                comment = token.type == tokenize.COMMENT or token.string.startswith('"""')
                if comment and (match := words.search(token.string)):
                    findings.append(source.at(token.start[0], f"says {match.group()}"))
    _report("nothing is left for later", findings)


def test_what_is_not_covered_says_why() -> None:
    """Each pragma that leaves something out of the coverage has a reason beside it."""
    pragma = re.compile(r"#\s*pragma:\s*no (?:cover|branch)")
    reason = re.compile(r"# pragma: no (?:cover|branch) - \w+( \S+){2,}$")
    findings = [
        source.at(number, "gives no reason")
        for source in _sources("proxy")
        for number, line in enumerate(source.text.splitlines(), 1)
        if pragma.search(line) and not reason.search(line)
    ]
    _report("what is not covered says why", findings)


@pytest.mark.parametrize("word", ["except:", "except BaseException: pass"])
def test_no_error_is_swallowed_whole(word: str) -> None:
    """No handler catches everything and goes on in silence."""
    findings = [
        source.at(number, "swallows every error")
        for source in _sources("proxy")
        for number, line in enumerate(source.text.splitlines(), 1)
        if line.strip() == word
    ]
    _report("no error is swallowed whole", findings)
