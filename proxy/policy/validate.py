"""One policy file against the grammar, with what is wrong in the author's terms.

Owns: turning pydantic's findings into lines and sentences. Must not know: how files are found or merged.
Invariant: every finding names a line; nothing is reported twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.policy.grammar import EXAMPLES, PARAMETERS, Strict
from proxy.policy.model import DomainSpec, KindSpec, PolicyDocument, RoleSpec, TableSpec
from proxy.policy.suggest import did_you_mean
from proxy.policy.yaml_tree import Path, Tree

_SECTIONS: Final[Mapping[str, type[Strict]]] = {
    "domains": DomainSpec,
    "kinds": KindSpec,
    "tables": TableSpec,
    "roles": RoleSpec,
}
_COLUMNS_DEPTH: Final = 3  # tables, the table, columns
_TYPES: Final = {
    "list_type": "should be a list, as in [a, b]",
    "string_type": "should be a text",
    "int_type": "should be a whole number",
    "bool_type": "should be true or false",
}


def validate(tree: Tree) -> tuple[PolicyDocument | None, list[tuple[int, str]]]:
    """The document, or None and its problems as (line, message)."""
    if not isinstance(tree.data, dict):
        return None, [(1, "a policy is a mapping that begins with version: 1")]
    if tree.data.get("version") != 1 or isinstance(tree.data.get("version"), bool):
        # Another version may mean anything; its other findings would only mislead.
        line = tree.line(("version",))
        return None, [(line, "version: 1 is missing" if "version" not in tree.data else "version should be 1")]
    try:
        return PolicyDocument.model_validate(tree.data), []
    except ValidationError as error:
        problems = [_problem(tree, detail) for detail in error.errors(include_url=False, include_input=False)]
        # Whatever is wrong inside a mapping of columns, it is also not the word clear.
        inside = {path[:-1] for path, _, _ in problems}
        found = [(line, words) for path, line, words in problems if not (_is_columns(path) and path in inside)]
        return None, list(dict.fromkeys(found))


def _problem(tree: Tree, detail: ErrorDetails) -> tuple[Path, int, str]:
    """Where it is, the line, and the sentence."""
    path = _real_path(tree, detail["loc"])
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        parent = f" in {'.'.join(map(str, path[:-1]))}" if path[:-1] else ""
        return path, tree.line(path), f'unknown key "{key}"{parent}{did_you_mean(key, _known_keys(path))}'
    return path, tree.line(path), f"{'.'.join(map(str, path))}: {_in_words(path, detail)}"


def _in_words(path: Path, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if _is_columns(path) and kind in ("literal_error", "dict_type"):
        return "should be clear, or a mapping of columns to kinds"
    match kind:
        case "missing":
            return f'the key "{detail["loc"][-1]}" is missing'
        case "literal_error":
            return f"should be {detail.get('ctx', {}).get('expected', '')}"
        case "too_short":
            return "should not be empty"
        case "policy":
            return detail["msg"]
        case "dict_type" | "model_type":
            example = EXAMPLES.get(str(path[-1])) if "mask" in path or "masks" in path else None
            return f"should be a mapping, as in {{{example}}}" if example else "should be a mapping"
        case _:
            return _TYPES.get(kind) or detail["msg"].removeprefix("Input ")


def _is_columns(path: Path) -> bool:
    return len(path) == _COLUMNS_DEPTH and path[0] == "tables" and path[-1] == "columns"


def _real_path(tree: Tree, location: tuple[int | str, ...]) -> Path:
    """pydantic's location without the parts that name alternatives of the grammar instead of keys."""
    path: Path = ()
    for part in location:
        if (*path, part) in tree.lines:
            path = (*path, part)
    return path


def _known_keys(path: Path) -> set[str]:
    if len(path) == 1:
        return set(PolicyDocument.model_fields)
    if len(path) == 3 and path[0] in _SECTIONS:
        return set(_SECTIONS[str(path[0])].model_fields)
    parameters = PARAMETERS.get(str(path[-2])) if len(path) > 1 else None
    return set(parameters.model_fields) if parameters is not None else set()
