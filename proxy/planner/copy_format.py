"""The options of COPY TO STDOUT as the format in which its rows leave (manual, COPY).

Owns: reading them off Postgres' own tree. Must not know: rows, tokens, sessions.
Invariant: what the server takes is read as the server reads it (``ProcessCopyOptions``); an option that is not known
here is refused, and one that the server does not take ends the statement there, before there are rows.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.errors import Refusal, UnsupportedRefusal
from proxy.planner.plan import CopyFormat, CopyKind
from proxy.planner.references import inner

_INVALID_PARAMETER: Final = "22023"
_TRUE: Final = frozenset({"true", "on", "1"})
_UTF8: Final = frozenset({"utf8", "utf-8", "unicode"})
_WITHOUT_EFFECT: Final = frozenset({"freeze", "force_null", "force_not_null", "default", "on_error", "log_verbosity"})


def copy_format(statement: Any, names: tuple[str, ...]) -> CopyFormat:
    """The format of a CopyStmt whose columns have these ``names``. Raises Refusal."""
    options = {option.defname: inner(option.arg) for option in map(inner, statement.options)}
    _require_known(options)
    kind = _kind(options)
    csv = kind is CopyKind.CSV
    quote = _bytes(options, "quote", '"')
    return CopyFormat(
        kind=kind,
        delimiter=_bytes(options, "delimiter", "," if csv else "\t"),
        null=_bytes(options, "null", "" if csv else "\\N"),
        quote=quote,
        escape=_bytes(options, "escape", quote.decode()),
        header="header" in options and _is_true(options["header"]),
        forced=_forced(options.get("force_quote"), names),
    )


def _require_known(options: dict[str, Any]) -> None:
    known = {"format", "delimiter", "null", "quote", "escape", "header", "force_quote", "encoding"} | _WITHOUT_EFFECT
    unknown = sorted(options.keys() - known)
    if unknown:
        raise _refusal(f"the option {unknown[0]} of COPY")
    if "encoding" in options and _word(options["encoding"]).lower() not in _UTF8:
        raise _refusal("COPY in another encoding than UTF-8")


def _kind(options: dict[str, Any]) -> CopyKind:
    word = _word(options["format"]) if "format" in options else CopyKind.TEXT.value
    if word not in {kind.value for kind in CopyKind}:
        raise Refusal(f'COPY format "{word}" not recognized', reason="statement", sqlstate=_INVALID_PARAMETER)
    return CopyKind(word)


def _bytes(options: dict[str, Any], name: str, default: str) -> bytes:
    return (_word(options[name]) if name in options else default).encode()


def _forced(given: Any, names: tuple[str, ...]) -> frozenset[int]:
    if given is None:
        return frozenset()
    if given.DESCRIPTOR.name == "A_Star":
        return frozenset(range(len(names)))
    wanted = [item.string.sval for item in given.items]
    return frozenset(names.index(name) for name in wanted if name in names)


def _is_true(argument: Any) -> bool:
    """``defGetCopyHeaderChoice``: an option without a value is on."""
    return argument is None or _word(argument).lower() in _TRUE


def _word(argument: Any) -> str:
    match argument.DESCRIPTOR.name if argument is not None else "":
        case "String":
            return str(argument.sval)
        case "Integer":
            return str(argument.ival)
        case "Boolean":
            return "true" if argument.boolval else "false"
        case "Float":
            return str(argument.fval)
        case _:
            raise _refusal("an option of COPY of this form")


def _refusal(what: str) -> UnsupportedRefusal:
    return UnsupportedRefusal(
        f"{what} does not go with tokens",
        reason="token",
        hint="Use FORMAT text, csv or binary, in UTF-8, with the options that the manual has for COPY TO.",
    )
