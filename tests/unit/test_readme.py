"""What the README shows must work as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.policy.load import load_policy
from proxy.settings_table import settings_table

README = Path(__file__).parents[2] / "README.md"


def test_the_policy_example_loads(tmp_path: Path) -> None:
    """Every block marked as a policy is one."""
    blocks = re.findall(r"```yaml policy\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        path = tmp_path / "policy.yaml"
        path.write_text(block)
        assert load_policy(path).roles


def test_the_settings_table_is_the_models() -> None:
    """Every setting is in the table with its default and meaning, and nothing else is."""
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", README.read_text(), flags=re.DOTALL)
    assert found
    expected = [f"| {row.key} | {row.default} | {row.meaning} |" for row in settings_table()]
    assert ["| setting | default | meaning |", "|---|---|---|", *expected] == found[1].splitlines()


def test_the_commands_are_the_makefiles() -> None:
    """The two commands of the first screen exist."""
    makefile = (README.parent / "Makefile").read_text()
    for target in re.findall(r"^\$ make (\w+)", README.read_text(), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
