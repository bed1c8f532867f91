"""The published JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path

from proxy.policy.schema import json_schema

PUBLISHED = Path(__file__).parents[3] / "policies" / "policy.schema.json"


def test_the_published_schema_is_current() -> None:
    """The committed file is what the models give; ``pgveil policy schema`` prints it anew."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema()


def test_the_schema_knows_the_masks() -> None:
    """Editors can complete words and parameters."""
    definitions = json_schema()["$defs"]
    assert set(definitions["PartialParameters"]["properties"]) == {"show_first", "show_last", "fill", "collapse"}
    words = definitions["KindSpec"]["properties"]["mask"]["oneOf"][0]["enum"]
    assert set(words) == {"clear", "nullify", "zip3", "deny", "partial", "birth_year"}
