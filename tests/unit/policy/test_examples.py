"""Every policy that the repository shows loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.policy.load import load_policy

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTIONS = re.compile(r"^(kinds|tables|roles):", re.MULTILINE)


def policies() -> list[Path]:
    """The folders and files under ``policies/``."""
    return sorted(p for p in (ROOT / "policies").iterdir() if p.is_dir() or p.suffix in (".yaml", ".yml"))


def examples() -> list[tuple[str, str]]:
    """The YAML blocks of the documents that show a policy, with where they stand."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "policies").rglob("*.md")]
    found: list[tuple[str, str]] = []
    for document in sorted(documents):
        text = document.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if SECTIONS.search(match[1]):
                line = text.count("\n", 0, match.start()) + 1
                found.append((f"{document.relative_to(ROOT)}:{line}", match[1]))
    return found


@pytest.mark.parametrize("path", policies(), ids=lambda p: p.name)
def test_the_worked_policies_load(path: Path) -> None:
    """Each with roles, so that it shows something."""
    assert load_policy(path).roles


def test_the_examples_of_the_documents_load(tmp_path: Path) -> None:
    """A block with kinds, tables or roles is a whole policy."""
    for number, (where, text) in enumerate(examples()):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text, encoding="utf-8")
        assert load_policy(path), where
