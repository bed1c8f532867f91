"""The table of settings in the README, made from the model.

Owns: how a setting's default is written down. Must not know: files, values that anybody has set.
Invariant: every setting that a file may hold has its row, so a test can compare the README with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from proxy.settings import Settings, section_of


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One row of the README's table of settings, as Markdown."""

    key: str
    default: str
    meaning: str


def settings_table() -> tuple[SettingRow, ...]:
    """Every setting with its default and meaning, in the order of the model."""
    return tuple(_rows(Settings, ""))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[SettingRow]:
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None or type(None) in get_args(field.annotation):
            yield SettingRow(f"`{prefix}{name}`", _default_text(field), field.description or "")
        if section is not None:
            listed = "[]" if field.annotation is not section and type(None) not in get_args(field.annotation) else ""
            yield from _rows(section, f"{prefix}{name}{listed}.")


def _default_text(field: FieldInfo) -> str:
    extra: Any = field.json_schema_extra
    if isinstance(extra, dict) and "shown_default" in extra:
        return str(extra["shown_default"])
    if field.is_required():
        return "required"
    match field.get_default(call_default_factory=False):
        case None | ():
            return "none"
        case bool(value):
            return f"`{str(value).lower()}`"
        case tuple(values):
            return "`[" + ", ".join(str(getattr(v, "value", v)) for v in values) + "]`"
        case float(value):
            return f"`{value:g}`"
        case value:
            return f"`{value}`"
