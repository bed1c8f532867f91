"""What the paths that take a token (JWT) have in common: reading it and a body, and answering an error.

Owns: the bearer's header, bodies, status codes of our errors. Must not know: what a path does.
Invariant: no answer may be kept on the way, and none holds a token.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from proxy.detokenizing import TooManyTokensError
from proxy.errors import AuthenticationError, JournalError, PolicyRefusal, ProxyError, UpstreamUnavailableError
from proxy.handle_desk import TooManyHandlesError

HEADERS: Final = {"Cache-Control": "no-store"}


def bearer(request: web.Request) -> str:
    """The token of the header ``Authorization: Bearer …`` (RFC 6750), empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def json_body(request: web.Request) -> Any:
    """The body, None where it is no JSON: also where it is nested too deeply, or names a charset that there is not."""
    try:
        return await request.json()
    except (ValueError, LookupError, RecursionError):
        return None


def error_answer(error: ProxyError) -> web.Response:
    """``{"error": …, "detail": …, "hint": …}`` with the status that fits."""
    headers = dict(HEADERS)
    if isinstance(error, TooManyTokensError | TooManyHandlesError):
        headers["Retry-After"] = str(int(error.wait) + 1)
    content = {"error": error.message, "detail": error.detail, "hint": error.hint}
    return web.json_response(content, status=_status(error), headers=headers)


def _status(error: ProxyError) -> int:
    match error:
        case AuthenticationError():
            return 401
        case TooManyTokensError() | TooManyHandlesError():
            return 429
        case PolicyRefusal():
            return 403
        case JournalError() | UpstreamUnavailableError():
            return 503
        case _:
            return 400
