"""The JSON Schema of policy files, for editors.

Owns: its text. Must not know: files. Invariant: it is made from the models that loading uses, so that both agree.
"""

from __future__ import annotations

from typing import Any

from proxy.policy.model import PolicyDocument


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of one policy file."""
    schema = PolicyDocument.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pgveil policy",
        **{key: value for key, value in schema.items() if key != "title"},
    }
