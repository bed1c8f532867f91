"""A stand-in for a Vault server: the two calls of the transit engine that pgveil makes, as Vault's API documents them.

https://developer.hashicorp.com/vault/api-docs/secret/transit, "Generate data key" and "Decrypt data". It listens on
loopback, checks the token, and encrypts nothing: a ciphertext is a number under which it remembers the key.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

TOKEN = "hvs.stand-in"


class _Handler(BaseHTTPRequestHandler):
    keys: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []
    key_bytes: ClassVar[int] = 32

    def do_POST(self) -> None:
        """Both calls are POST."""
        self.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": ["permission denied"]})
        elif self.path == "/v1/transit/datakey/plaintext/pgveil":
            plaintext = base64.b64encode(secrets.token_bytes(self.key_bytes)).decode()
            ciphertext = f"vault:v1:{len(self.keys)}"
            self.keys[ciphertext] = plaintext
            self._answer(200, {"data": {"plaintext": plaintext, "ciphertext": ciphertext, "key_version": 1}})
        elif self.path == "/v1/transit/decrypt/pgveil" and body.get("ciphertext") in self.keys:
            self._answer(200, {"data": {"plaintext": self.keys[body["ciphertext"]]}})
        else:
            self._answer(400, {"errors": ["invalid ciphertext: no prefix"]})

    do_PUT = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing is written."""

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def vault_server(*, key_bytes: int = 32) -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the paths that it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"keys": {}, "asked": asked, "key_bytes": key_bytes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
