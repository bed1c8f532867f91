"""The whole proxy, put together: settings in, a listening server out.

Owns: which piece is given to which, start, reload and stop. Must not know: how any of them works.
Invariant: nothing listens before the policy is loaded and fits the databases named in the settings, and a reload that
fails leaves everything as it was.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator
from typing import Final

from proxy.admin.detokenization import DetokenizationHandler
from proxy.admin.handles import HandlesHandler
from proxy.admin.readiness import Readiness
from proxy.admin.server import AdminServer, RouteDef
from proxy.asking import AskedPlanning, AskedWatching, Asker, Asking
from proxy.audit.journal import Journal
from proxy.catalog.introspect import ConnectParameters, Servers, introspect
from proxy.catalog.snapshot import Snapshot
from proxy.catalog.store import CatalogStore
from proxy.detokenizing import Detokenizer
from proxy.errors import PolicyFileError, ProxyError, SettingsFileError
from proxy.handle_desk import HandleDesk
from proxy.handle_places import open_handles
from proxy.identity.authenticator import Authenticator
from proxy.identity.handle_store import HandlesUnavailableError
from proxy.identity.principal import Principal
from proxy.metrics import Metrics
from proxy.net.listener import Server
from proxy.net.ports import OpenedSession
from proxy.net.servers import ServerAddress, Target, UpstreamAddress
from proxy.net.tls import TlsMode, server_context, upstream_context
from proxy.net.upstream import Upstream
from proxy.policy.catalog_check import covers_anything
from proxy.policy.domains import used_domains
from proxy.policy.load import load_policy
from proxy.policy.model import Policy
from proxy.proving import CatalogProof
from proxy.scopes import LivePlanning, Scopes
from proxy.session.bearer import challenge
from proxy.session.handshake import Methods
from proxy.session.startup import Startup
from proxy.session.upstream_login import Account
from proxy.settings import AdminSettings, IdentitySettings, KeyringSettings, Settings, UpstreamSettings
from proxy.tokens.keyring_file import KeyringFile
from proxy.tokens.master_key import master_key_source
from proxy.tokens.tokenizer import Tokenizer
from proxy.tokens.vault import VaultMasterKey
from proxy.watching import SessionWatch, Watch
from proxy.wire.data_rows import compiled

_log: Final = logging.getLogger("pgveil")


def keyring_file(settings: KeyringSettings) -> KeyringFile:
    """The keyring that the settings name, which may not exist."""
    return KeyringFile(settings.file, master_key_source(settings.master_key, {"vault": VaultMasterKey}))


def load_tokenizer(keyring: KeyringFile | None, policy: Policy) -> Tokenizer | None:
    """The keys in force. Raises SettingsFileError where the keyring does not open, or lacks a domain of the policy."""
    wanted = sorted(used_domains(policy))
    if keyring is None:
        if wanted:
            raise SettingsFileError(
                f"keyring: the policy uses the domain {wanted[0]}, and the settings name no keyring",
                hint="Add, for instance: keyring: {file: keyring.yaml, master_key: 'file:master.key'}",
            )
        return None
    tokenizer = Tokenizer(keyring.read())
    missing = [name for name in wanted if name not in tokenizer.domains]
    if missing:
        raise SettingsFileError(
            f"{keyring.path}: there is no key for the domain {', '.join(missing)} of the policy",
            hint="Make it with: pgveil keys init --config FILE",
        )
    return tokenizer


class Application:
    """One proxy. ``start``, ``reload`` and ``stop`` belong to one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsFileError (and PolicyFileError, JournalError) where a file does not load."""
        self._settings = settings
        self._metrics = Metrics()
        self._keyring = keyring_file(settings.keyring) if settings.keyring is not None else None
        policy = load_policy(settings.policy)
        self._tokenizer = load_tokenizer(self._keyring, policy)
        self._scopes = Scopes(policy, self._metrics, self._tokenizer)
        self._watch = Watch(Journal(settings.audit.journal), self._metrics)
        self._handles = open_handles(settings.handles)
        self._authenticator = Authenticator(settings.identity.issuers, handles=self._handles)
        self._catalogs = CatalogStore(
            connect_parameters(settings.upstream),
            refresh_seconds=settings.upstream.catalog_refresh_seconds,
            on_change=self._catalog_changed,
        )
        tls = settings.listen.tls
        limits = settings.limits.limits()
        self._upstream = Upstream(
            _address(settings.upstream), _account(settings.upstream), limits, spares=settings.upstream.spares
        )
        self._readiness = Readiness(
            journal_writable=self._watch.journal.is_writable,
            probe=self._reach_upstream,
            handles=self._handles.prepare if self._handles is not None else None,
        )
        self._server = Server(
            host=settings.listen.host,
            port=settings.listen.port,
            services=_Services(
                self._authenticator,
                self._catalogs,
                self._scopes,
                self._watch,
                self._readiness,
                settings.identity,
                proven=settings.upstream.catalog_check == "statement",
            ),
            upstream=self._upstream,
            limits=limits,
            tls=server_context(tls.certificate, tls.key) if tls is not None else None,
            clear_passwords=settings.listen.allow_password_without_tls,
            methods=_methods(settings),
        )
        self._admin = AdminServer(
            settings.admin.host,
            settings.admin.port,
            self._metrics,
            self._readiness,
            self._routes() if settings.admin.takes_tokens else (),
            _admin_context(settings.admin),
        )

    def _routes(self) -> Iterator[RouteDef]:
        """What takes tokens on the admin port."""
        if self._handles is not None:
            yield from HandlesHandler(HandleDesk(self._authenticator, self._handles, self._watch)).routes()
        keyring = self._settings.keyring
        if keyring is not None:
            detokenizer = Detokenizer(
                lambda: self._scopes.policy,
                lambda: self._tokenizer,
                self._watch,
                per_minute=keyring.detokenizations_per_minute,
            )
            yield from DetokenizationHandler(self._authenticator.authenticate, detokenizer).routes()

    async def start(self) -> tuple[str, int]:
        """Check the policy against the named databases, then listen. Returns the actual host and port.

        Raises ProxyError where something does not load or fit, or an address cannot be listened on.
        """
        try:
            await self._authenticator.prepare()
            await self._prepare_handles()
            await self._check_policy()
            await self._admin.start()
            address = await self._listen()
        except BaseException:
            await self._close()
            raise
        self._metrics.row_loop(compiled=compiled())
        _log.info("rows with tokens are rebuilt by %s code", "compiled" if compiled() else "interpreted")
        self._readiness.listening = True
        self._readiness.policy_loaded = True
        self._watch.policy_loaded(self._scopes.policy.version)
        return address

    async def _reach_upstream(self) -> None:
        known = self._settings.upstream.databases or self._catalogs.databases
        await self._upstream.reach(next(iter(known), None))

    async def _prepare_handles(self) -> None:
        if self._handles is None:
            return
        try:
            await self._handles.prepare()
        except HandlesUnavailableError as problem:
            # Tokens are accepted all the same; until the store is there, handles are not, and /readyz says so.
            _log.warning("handles cannot be looked up yet: %s", problem)

    async def _listen(self) -> tuple[str, int]:
        try:
            return await self._server.start()
        except OSError as error:
            listen = self._settings.listen
            reason = os.strerror(error.errno) if error.errno else error.strerror or str(error)
            raise SettingsFileError(f"listen: cannot listen on {listen.host}:{listen.port}: {reason}") from None

    async def _check_policy(self) -> None:
        for database in self._settings.upstream.databases:
            snapshot = await self._catalogs.get(database)
            problems = self._scopes.problems(database)
            if not covers_anything(self._scopes.policy, snapshot):
                raise SettingsFileError(
                    f"upstream.databases: the database {database} has none of the policy's tables",
                    hint="Name the databases that the policy is for; others can be used without being named.",
                )
            if problems:
                raise PolicyFileError(problems)

    @property
    def admin_port(self) -> int:
        """The port of /metrics, /healthz and /readyz."""
        return self._admin.port

    def reload(self) -> None:
        """Take over policy and keyring as they are on disk now, or neither; open the journal anew (log rotation)."""
        self._watch.journal.reopen()
        try:
            policy = load_policy(self._settings.policy)
            tokenizer = load_tokenizer(self._keyring, policy)
            self._scopes.replace_policy(policy, tokenizer)
        except SettingsFileError as error:
            problems = error.problems if isinstance(error, PolicyFileError) else (error.message,)
            self._watch.policy_refused(len(problems))
            for problem in problems:
                _log.error("policy not reloaded: %s", problem)
            return
        self._tokenizer = tokenizer
        self._watch.policy_loaded(policy.version, reloaded=True)
        _log.info("policy reloaded, version %s", policy.version)

    async def stop(self) -> None:
        """Drain the sessions, then end everything."""
        self._readiness.listening = False
        await self._server.drain()
        await self._close()

    async def _close(self) -> None:
        await self._admin.stop()
        await self._catalogs.close()
        await self._authenticator.close()
        if self._handles is not None:
            await self._handles.close()
        self._watch.journal.close()

    def _catalog_changed(self, snapshot: Snapshot) -> None:
        for problem in self._scopes.update_catalog(snapshot):
            # Not a reason to be unready: what does not fit is hidden, and all else is served as before. Every proxy
            # in front of the database would otherwise leave service at the same ALTER TABLE.
            _log.error("the policy does not fit database %s: %s", snapshot.database, problem)


class _Services:
    """What a login needs (implements ``net.ports.SessionServices``)."""

    def __init__(
        self,
        authenticator: Authenticator,
        catalogs: CatalogStore,
        scopes: Scopes,
        watch: Watch,
        readiness: Readiness,
        identity: IdentitySettings,
        *,
        proven: bool,
    ) -> None:
        self._identity = identity
        self._proven = proven
        self._authenticator = authenticator
        self._catalogs = catalogs
        self._scopes = scopes
        self._watch = watch
        self._readiness = readiness

    async def authenticate(self, *, user: str, password: str) -> Principal:
        """See ``SessionServices``."""
        return await self._authenticator.authenticate(password, user)

    async def open(self, principal: Principal, startup: Startup, *, client: str | None) -> OpenedSession:
        """See ``SessionServices``."""
        self._readiness.upstream_answered()
        await self._catalogs.get(startup.database)
        self._scopes.planner(startup.database, principal.role)
        watching = self._watch.session(
            principal, database=startup.database, client=client, application=startup.application_name or None
        )
        watching.opened()
        proving = CatalogProof(self._catalogs, startup.database) if self._proven else None
        login = self._asker(startup.database, principal, watching)
        if self._identity.hints == "off":
            return OpenedSession(principal, login.planning, watching, proving)
        asking = Asking(
            login,
            self._scopes,
            startup.database,
            required=self._identity.hints == "required" or principal.role in self._identity.hints_required,
            verify=lambda token: self._authenticator.verify_now(token).identity,
            make=lambda asker: self._asker(startup.database, asker, watching.asked_by(asker)),
        )
        return OpenedSession(principal, AskedPlanning(asking), AskedWatching(asking), proving, asking)

    def _asker(self, database: str, principal: Principal, watching: SessionWatch) -> Asker:
        planning = LivePlanning(self._scopes, database, principal.role, self._catalogs.kick)
        return Asker(principal, planning, watching)

    def login_failed(self, error: Exception, *, startup: Startup | None, client: str | None) -> None:
        """See ``SessionServices``."""
        self._watch.login_refused(
            error if isinstance(error, ProxyError) else ProxyError("internal error"),
            user=startup.user if startup is not None else None,
            database=startup.database if startup is not None else None,
            client=client,
        )

    def closed(self, session: OpenedSession, *, unanswered: int) -> None:
        """See ``SessionServices``."""
        self._watch.metrics.unanswered(unanswered)
        if isinstance(session.watching, SessionWatch | AskedWatching):
            session.watching.closed()

    def out_of_step(self) -> None:
        """See ``SessionServices``."""
        self._watch.metrics.out_of_step()

    def upstream_failed(self, sqlstate: str) -> None:
        """See ``SessionServices``."""
        self._watch.metrics.upstream_error(sqlstate)
        self._readiness.upstream_failed()


async def read_catalog(settings: Settings, database: str) -> Snapshot:
    """Read a database's structure once, with pgveil's own account (raises CatalogError)."""
    return await introspect(connect_parameters(settings.upstream), database)


def connect_parameters(upstream: UpstreamSettings) -> Servers:
    """How the catalog's own connections reach the upstream."""
    context = None if upstream.is_sockets else upstream_context(TlsMode(upstream.tls), upstream.ca)
    common = ConnectParameters(user=upstream.user)
    if upstream.password is not None:
        common["password"] = upstream.password.get_secret_value()
    servers = tuple(
        ConnectParameters(**common, host=host, port=port, ssl=False if context is None or "/" in host else context)
        for host, port in upstream.servers
    )
    return Servers(servers, upstream.target_session_attrs)


def _address(upstream: UpstreamSettings) -> UpstreamAddress:
    servers = tuple(ServerAddress(host, port) for host, port in upstream.servers)
    return UpstreamAddress(servers, TlsMode(upstream.tls), upstream.ca, Target(upstream.target_session_attrs))


def _methods(settings: Settings) -> Methods:
    """How clients may log in: OAUTHBEARER needs TLS, and tells of the first issuer that has metadata."""
    wanted, issuers = settings.listen.authentication, settings.identity.issuers
    told = next((i for i in issuers if i.metadata is not None), issuers[0])
    offered = "oauth" in wanted and settings.listen.tls is not None
    return Methods("password" in wanted, challenge(told.metadata, told.scope) if offered else None)


def _admin_context(admin: AdminSettings) -> ssl.SSLContext | None:
    return server_context(admin.tls.certificate, admin.tls.key, protocol="http/1.1") if admin.tls is not None else None


def _account(upstream: UpstreamSettings) -> Account:
    password = upstream.password.get_secret_value() if upstream.password is not None else None
    return Account(upstream.user, password)
