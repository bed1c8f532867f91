"""The mechanism OAUTHBEARER (RFC 7628) as PostgreSQL 18 speaks it: what the client says, and what it is told.

Owns: reading the client's response, and the exchange's few steps. Must not know: sockets, what a token says.
Invariant: any bytes give a token, a question for where to get one, or ClientProtocolError, whose text quotes nothing.
"""

from __future__ import annotations

import json
import re
from typing import Final

from proxy.errors import ClientProtocolError, ProxyError
from proxy.wire.backend import AUTHENTICATION_SASL, AUTHENTICATION_SASL_CONTINUE, Authentication
from proxy.wire.frontend import parse_sasl_initial
from proxy.wire.sqlstate import FEATURE_NOT_SUPPORTED

MECHANISM: Final = b"OAUTHBEARER"
ASK_BEARER: Final = Authentication(AUTHENTICATION_SASL, MECHANISM + b"\0\0").encode()
_END: Final = b"\x01"
_ASK_AGAIN: Final = Authentication(AUTHENTICATION_SASL_CONTINUE).encode()
# gs2-header (no channel binding is defined for it), then key=value pairs, each ended by 0x01, and one more 0x01.
_GS2: Final = re.compile(rb"([ny]),(a=[^,\x00\x01]*)?,\x01")
_PAIR: Final = re.compile(rb"([A-Za-z]+)=([\t\r\n\x20-\x7e]*)\x01")
_BEARER: Final = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750, 2.1


def challenge(discovery: str | None, scope: str) -> bytes:
    """What a client without a good token is told (RFC 7628, 3.2.2). ``discovery``: the issuer's metadata."""
    found = {"status": "invalid_token", "scope": scope}
    if discovery is not None:
        found["openid-configuration"] = discovery
    return json.dumps(found).encode("ascii")


def read_response(data: bytes) -> str | None:
    """The token of a client's response; None where it asks for the metadata instead. Raises ProxyError."""
    header = _GS2.match(data)
    if header is None:
        raise _malformed()
    if header[2]:
        raise ProxyError(
            "an authorization identity is not supported", sqlstate=FEATURE_NOT_SUPPORTED, hint="Leave it empty."
        )
    position, auth = header.end(), None
    while (pair := _PAIR.match(data, position)) is not None:
        if pair[1] == b"auth":
            if auth is not None:
                raise _malformed()
            auth = pair[2]
        position = pair.end()
    if data[position:] != _END or auth is None:
        raise _malformed()
    if not auth:
        return None
    token = _BEARER.fullmatch(auth)
    if token is None:
        raise _malformed()
    return token[1].decode("ascii")


class BearerExchange:
    """One exchange. ``receive`` takes the bodies of the client's messages, ``reject`` is called for a bad token."""

    def __init__(self, told: bytes) -> None:
        self._told = told
        self._chosen = self._answered = False

    def receive(self, body: bytes) -> tuple[bytes, str | None]:
        """What to answer, and the token where there is one. Raises ProxyError.

        With neither the client has acknowledged that it is rejected, and is to be sent away.
        """
        if self._answered:
            if body != _END:
                raise _malformed()
            return b"", None
        if self._chosen:
            return self._read(body)
        first = parse_sasl_initial(body)
        self._chosen = True
        if first.mechanism != MECHANISM:
            raise ClientProtocolError("client selected an invalid SASL authentication mechanism")
        return (_ASK_AGAIN, None) if first.data is None else self._read(first.data)

    def reject(self) -> bytes:
        """The answer to a token that is not accepted. The client acknowledges it."""
        self._answered = True
        return Authentication(AUTHENTICATION_SASL_CONTINUE, self._told).encode()

    def _read(self, data: bytes) -> tuple[bytes, str | None]:
        token = read_response(data)
        return (self.reject(), None) if token is None else (b"", token)


def _malformed() -> ClientProtocolError:
    return ClientProtocolError("malformed OAUTHBEARER message")
