"""``POST /handles`` and ``DELETE /handles``: a short password in exchange for a token (JWT), and its end.

Owns: what is asked and answered as JSON. Must not know: how a handle is made or kept.
Invariant: a handle is in the body of one answer and nowhere else: not in an address, a header or a log.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from proxy.admin.answers import HEADERS, bearer, error_answer, json_body
from proxy.audit.records import timestamp
from proxy.errors import ProxyError
from proxy.handle_desk import HandleDesk

_FIELDS: Final = {"lifetime_seconds"}


class HandlesHandler:
    """Answers the path."""

    def __init__(self, desk: HandleDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """The paths."""
        return [web.post("/handles", self.issue), web.delete("/handles", self.revoke)]

    async def issue(self, request: web.Request) -> web.Response:
        """``{"handle": …, "id": …, "expires": …}``, or ``{"error": …}``. The body may give ``lifetime_seconds``."""
        try:
            issued = await self._desk.issue(bearer(request), await _lifetime(request))
        except ProxyError as error:
            return error_answer(error)
        expires = timestamp(issued.stored.identity.expires_at)
        content = {"handle": issued.handle, "id": issued.stored.handle_id, "expires": expires}
        return web.json_response(content, status=201, headers=HEADERS)

    async def revoke(self, request: web.Request) -> web.Response:
        """``{"revoked": n}``: the handle that the bearer shows, or all handles of the token's bearer."""
        try:
            count = await self._desk.revoke(bearer(request))
        except ProxyError as error:
            return error_answer(error)
        return web.json_response({"revoked": count}, headers=HEADERS)


async def _lifetime(request: web.Request) -> float | None:
    if not await request.read():
        return None
    content = await json_body(request)
    seconds = content.get("lifetime_seconds") if isinstance(content, dict) else None
    valid = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < float("inf")
    if not isinstance(content, dict) or not content.keys() <= _FIELDS or (content and not valid):
        raise ProxyError("the body, if any, is a JSON object with lifetime_seconds, a positive number")
    return float(seconds) if seconds is not None else None
