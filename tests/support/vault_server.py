"""A stand-in for a Vault server: the two calls of the transit engine that pgveil makes, as Vault's API documents them.

https://developer.hashicorp.com/vault/api-docs/secret/transit, "Generate data key" and "Decrypt data". It listens on
loopback, checks the token, and encrypts nothing: a ciphertext is a number under which it remembers the key. What it
says to a call that fails is what the documented statuses and the engine's own source have for it (api-docs, "HTTP
status codes" and "Error response"); ``failing`` makes it fail in other ways.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

TOKEN = "hvs.stand-in"


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer to every call. ``silent``: there is none, until the client goes."""

    status: int
    body: bytes
    content_type: str = "application/json"
    silent: bool = False


SEALED = Failure(503, b'{"errors":["Vault is sealed"]}')


class _Handler(BaseHTTPRequestHandler):
    keys: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []
    key_bytes: ClassVar[int] = 32
    failing: ClassVar[Failure | None] = None

    def do_POST(self) -> None:
        """Both calls are POST."""
        self.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        mount, _, call = self.path.removeprefix("/v1/").partition("/")
        if self.failing is not None:
            self._fail(self.failing)
        elif self.headers.get("X-Vault-Token") != TOKEN:
            self._errors(403, "permission denied")
        elif mount != "transit":
            self._errors(404, f'no handler for route "{mount}/{call}". route entry not found.')
        elif not call.endswith("/pgveil"):
            self._errors(400, "encryption key not found")
        elif self.path == "/v1/transit/datakey/plaintext/pgveil":
            plaintext = base64.b64encode(secrets.token_bytes(self.key_bytes)).decode()
            ciphertext = "vault:v1:" + base64.b64encode(b"%d" % len(self.keys)).decode()
            self.keys[ciphertext] = plaintext
            self._data({"plaintext": plaintext, "ciphertext": ciphertext, "key_version": 1})
        elif self.path == "/v1/transit/decrypt/pgveil" and body.get("ciphertext") in self.keys:
            self._data({"plaintext": self.keys[body["ciphertext"]]})
        else:
            self._errors(400, "cipher: message authentication failed")

    do_PUT = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing is written."""

    def _data(self, data: dict[str, object]) -> None:
        lease = {"lease_id": "", "renewable": False, "lease_duration": 0, "wrap_info": None, "warnings": None}
        answer = {"request_id": "f1b2", **lease, "data": data, "auth": None, "mount_type": "transit"}
        self._answer(200, json.dumps(answer).encode())

    def _errors(self, status: int, text: str) -> None:
        self._answer(status, json.dumps({"errors": [text]}).encode())

    def _fail(self, failure: Failure) -> None:
        if failure.silent:
            self.rfile.read(1)
        else:
            self._answer(failure.status, failure.body, failure.content_type)

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("Location", f"http://active.invalid{self.path}")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def vault_server(*, key_bytes: int = 32, failing: Failure | None = None) -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the paths that it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"keys": {}, "asked": asked, "key_bytes": key_bytes, "failing": failing})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
