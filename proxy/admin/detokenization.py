"""``POST /detokenize``: tokens turned back over HTTP, for those who may.

Owns: what is asked and answered as JSON. Must not know: keys, how a token is turned back.
Invariant: nobody is answered who has not shown a token (JWT) of a listed issuer; no answer is kept on the way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from proxy.admin.answers import HEADERS, bearer, error_answer, json_body
from proxy.detokenizing import Detokenizer, Request, TokenKind
from proxy.errors import ProxyError
from proxy.identity.principal import Principal

_FIELDS: Final = {"role", "domain", "format", "tokens", "reason"}


class DetokenizationHandler:
    """Answers the path. ``authenticate`` takes a JWT and a role (or the principal's own name)."""

    def __init__(self, authenticate: Callable[[str, str], Awaitable[Principal]], detokenizer: Detokenizer) -> None:
        self._authenticate = authenticate
        self._detokenizer = detokenizer

    def routes(self) -> list[web.RouteDef]:
        """The path."""
        return [web.post("/detokenize", self.answer)]

    async def answer(self, request: web.Request) -> web.Response:
        """``{"values": […]}`` in the order of the tokens, or ``{"error": …}``."""
        try:
            role, asked = await _read(request)
            principal = await self._authenticate(bearer(request), role)
            values = self._detokenizer.detokenize(principal, asked)
        except ProxyError as error:
            return error_answer(error)
        return web.json_response({"values": values}, headers=HEADERS)


async def _read(request: web.Request) -> tuple[str, Request]:
    content = await json_body(request)
    if not isinstance(content, dict) or not content.keys() <= _FIELDS:
        raise ProxyError(f"the body is a JSON object of {', '.join(sorted(_FIELDS))}")
    texts = [content.get(name) for name in ("role", "domain", "reason")]
    tokens = content.get("tokens")
    kind = content.get("format", TokenKind.TEXT.value)
    if not all(isinstance(text, str) for text in texts):
        raise ProxyError("role, domain and reason are texts")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ProxyError("tokens is a list of texts")
    if kind not in [known.value for known in TokenKind]:
        raise ProxyError(f"format is one of {', '.join(known.value for known in TokenKind)}")
    role, domain, reason = map(str, texts)
    return role, Request(domain, TokenKind(kind), tokens, reason)
