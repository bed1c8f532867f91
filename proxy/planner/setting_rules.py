"""Which settings a client may set, show and reset.

Owns: the judgement on SET, RESET, SHOW, set_config and current_setting. Must not know: relations, masks, the session.
Invariant: names come from an allow-list; values matter only where one of them would change how text is read.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.errors import PolicyRefusal, UnsupportedRefusal
from proxy.planner.allowed_settings import ALLOWED_SETTINGS, ALLOWED_VALUES, SHOWABLE_SETTINGS, is_value_allowed

ASKER_SETTING: Final = "pgveil.token"
"""Says who asks. The session takes what sets it out of the text, so that here it can only be ended."""

_SET_VALUE: Final = 1
_SET_DEFAULT: Final = 2
_SET_MULTI: Final = 4
_RESET: Final = 5
_RESET_ALL: Final = 6
_ABOUT_TRANSACTIONS: Final = frozenset({"transaction", "session characteristics", "transaction snapshot"})


def check_set(statement: Any) -> bool:
    """Judge a SET or RESET (VariableSetStmt); True when the search path may be another afterwards.

    Raises PolicyRefusal for settings that are not on the list, UnsupportedRefusal for values that cannot be honoured.
    """
    name = statement.name.lower()
    if statement.kind == _RESET_ALL:
        return True
    if statement.kind == _SET_MULTI and name in _ABOUT_TRANSACTIONS:
        return False
    if name == "session_authorization" and statement.kind in (_SET_DEFAULT, _RESET):
        # A part of DISCARD ALL (manual, DISCARD), which pools send in pieces: back to the account that we logged in
        # with, which nothing that is allowed here has left.
        return True
    if name == ASKER_SETTING and (statement.kind != _SET_VALUE or [_text(node) for node in statement.args] == [""]):
        return True
    if name not in ALLOWED_SETTINGS:
        raise _not_allowed(name, "set")
    if statement.kind == _SET_VALUE:
        check_value(name, tuple(_text(node) for node in statement.args))
    return bool(name == "search_path")


def check_show(name: str) -> None:
    """Judge SHOW (PolicyRefusal for settings that are not on the list)."""
    if name.lower() == "all":
        raise PolicyRefusal(
            "SHOW ALL is not allowed",
            reason="setting",
            detail="It would show settings that may not be shown by name.",
            hint="Show one by name, as in SHOW server_version, or read the view pg_settings.",
        )
    if name.lower() not in SHOWABLE_SETTINGS:
        raise _not_allowed(name.lower(), "show")


def check_call(function: str, name: str | None, value: str | None) -> None:
    """Judge ``set_config(name, value, …)`` and ``current_setting(name, …)``.

    The name must be a literal: a computed one could be any setting.
    """
    if name is None:
        raise UnsupportedRefusal(
            f"{function}() needs a literal setting name", reason="setting", hint="Write the name as a constant."
        )
    if function == "current_setting":
        check_show(name)
        return
    if name.lower() not in ALLOWED_SETTINGS:
        raise _not_allowed(name.lower(), "set")
    check_value(name.lower(), (value,))


def check_value(name: str, values: tuple[str | None, ...]) -> None:
    """Refuse the values that would change how statements are read or what is told about them."""
    if name not in ALLOWED_VALUES:
        return
    if len(values) != 1 or values[0] is None or not is_value_allowed(name, values[0]):
        raise UnsupportedRefusal(
            f"{name} cannot have this value through pgveil",
            reason="setting",
            hint=f"Allowed are: {', '.join(sorted(ALLOWED_VALUES[name]))}.",
        )


def _text(node: Any) -> str | None:
    if not node.HasField("a_const"):
        return None
    constant = node.a_const
    if constant.HasField("sval"):
        return str(constant.sval.sval)
    if constant.HasField("ival"):
        return str(constant.ival.ival)
    return None


def _not_allowed(name: str, verb: str) -> PolicyRefusal:
    if name == ASKER_SETTING:
        return PolicyRefusal(
            f'the setting "{name}" may not be {"set this way" if verb == "set" else "shown"}',
            reason="setting",
            detail="It says who asks, and is known to pgveil only." if verb != "set" else None,
            hint="Write SET pgveil.token = 'TOKEN' with a token (JWT) between the quotes." if verb == "set" else None,
        )
    return PolicyRefusal(
        f'the setting "{name}" may not be {verb if verb == "set" else "shown"} through pgveil',
        reason="setting",
        hint="Ask the administrators of pgveil if a tool needs it.",
    )
