"""One policy file against the grammar, with what is wrong in the author's terms.

Owns: turning pydantic's findings into lines and sentences. Must not know: how files are found or merged.
Invariant: every finding names a line; nothing is reported twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.policy.grammar import PARAMETERS, Strict
from proxy.policy.model import DomainSpec, KindSpec, PolicyDocument, RoleSpec, TableSpec
from proxy.policy.suggest import did_you_mean
from proxy.policy.yaml_tree import Path, Tree

_SECTIONS: Final[Mapping[str, type[Strict]]] = {
    "domains": DomainSpec,
    "kinds": KindSpec,
    "tables": TableSpec,
    "roles": RoleSpec,
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
        return None, list(dict.fromkeys(problems))


def _problem(tree: Tree, detail: ErrorDetails) -> tuple[int, str]:
    path = _real_path(tree, detail["loc"])
    where = ".".join(str(part) for part in path)
    match detail["type"]:
        case "extra_forbidden":
            key = str(detail["loc"][-1])
            parent = f" in {'.'.join(map(str, path[:-1]))}" if path[:-1] else ""
            message = f'unknown key "{key}"{parent}{did_you_mean(key, _known_keys(path))}'
            return tree.line(path), message
        case "missing":
            return tree.line(path), f'{where}: the key "{detail["loc"][-1]}" is missing'
        case "literal_error":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            return tree.line(path), f"{where}: should be {expected}"
        case "too_short":
            return tree.line(path), f"{where}: should not be empty"
        case "policy":
            return tree.line(path), f"{where}: {detail['msg']}"
        case _:
            message = detail["msg"].removeprefix("Input ")
            return tree.line(path), f"{where}: {message}"


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
