"""The administrators' HTTP port: ``/metrics``, ``/healthz``, ``/readyz``, and more that is given to it.

Owns: the paths and what they answer. Must not know: sessions, SQL, how metrics are counted.
Invariant: without a token (JWT) nothing that it answers is about a single person or value.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable

from aiohttp import web
from aiohttp.web import RouteDef

from proxy.admin.readiness import Readiness
from proxy.errors import SettingsFileError
from proxy.metrics import CONTENT_TYPE, Metrics

__all__ = ["AdminServer", "RouteDef"]

_STOP_SECONDS = 1.0
_MAX_BODY_BYTES = 1 << 20


class AdminServer:
    """The HTTP server. Start and stop it in the event loop that the metrics belong to."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        readiness: Readiness,
        routes: Iterable[RouteDef] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``routes`` are further paths; those that take tokens may be given only on loopback or with ``tls``."""
        self._host = host
        self._port = port
        self._metrics = metrics
        self._readiness = readiness
        self._routes = tuple(routes)
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that it listens on (the real one, where the settings say 0)."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises SettingsFileError where the address cannot be had."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/healthz", self._show_health)
        app.router.add_get("/readyz", self._show_readiness)
        app.router.add_routes(self._routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=self._tls).start()
        except OSError as problem:
            await runner.cleanup()
            reason = os.strerror(problem.errno) if problem.errno else type(problem).__name__
            raise SettingsFileError(f"admin: cannot listen on {self._host}:{self._port}: {reason}") from None
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; what is being answered gets a second to end. Without effect where it does not run."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await self._readiness.close()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        # The header is given as it is: aiohttp's own arguments would drop the version from the media type.
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _show_health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _show_readiness(self, _: web.Request) -> web.Response:
        missing = await self._readiness.missing()
        status = "not ready" if missing else "ready"
        return web.json_response({"status": status, "missing": list(missing)}, status=503 if missing else 200)
