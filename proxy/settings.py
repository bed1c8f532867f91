"""The settings file: what ``pgveil serve --config FILE`` is told.

Owns: the settings' names, defaults and meanings, and what is wrong with a value. Must not know: YAML, what anybody does
with a setting. Invariant: a file loads whole or not at all, and no message repeats a value from the file or the
environment, since any of them may be a secret.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from proxy.identity.issuer import IssuerSettings, is_loopback
from proxy.net.limits import Limits
from proxy.settings_document import Location, SettingsDocument
from proxy.settings_types import (
    Hosts,
    InputFile,
    InputPath,
    OutputFile,
    Port,
    Section,
    ServerAuthorities,
    ServerPassword,
    ServerPort,
    ServerTls,
    Text,
    host_and_port,
    resolved,
    with_local_tls,
)
from proxy.tokens.master_key import SPELLING

_LIMITS = Limits()


def _master_key(value: str, info: ValidationInfo) -> str:
    spelling = SPELLING.fullmatch(value)
    if spelling is None:
        raise ValueError("should be file:PATH, env:NAME or vault:MOUNT/KEY")
    return f"file:{resolved(Path(spelling['name']), info)}" if spelling["kind"] == "file" else value


def _a_file(value: object) -> object:
    if isinstance(value, str) and "://" in value:
        raise ValueError("must be a file; a database is named by `handles.database`")
    return value


def _one_worker(value: int) -> int:
    if value != 1:
        raise ValueError(
            "several workers are not available in this release; start several proxies on ports of their own"
        )
    return value


class ListenTls(Section):
    """How clients are served over TLS."""

    certificate: InputFile = Field(description="PEM file with the server's certificate and its chain")
    key: InputFile = Field(description="PEM file with its private key, not encrypted")


class ListenSettings(Section):
    """Where clients connect."""

    host: Text = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(6432, description="port to listen on; 0 takes any that is free")
    tls: ListenTls | None = Field(None, description="TLS for clients; required unless `listen.host` is loopback")
    allow_password_without_tls: bool = Field(
        False, description="accept logins over connections without TLS that do not come from loopback"
    )

    authentication: tuple[Literal["password", "oauth"], ...] = Field(
        ("password", "oauth"),
        min_length=1,
        description="how clients may log in; with both, OAUTHBEARER is for those that ask: `-c pgveil.login=oauth`",
    )

    @model_validator(mode="after")
    def _tls_or_loopback(self) -> ListenSettings:
        if self.tls is None and not self.is_loopback and not self.allow_password_without_tls:
            raise ValueError(
                "`tls` is required where `host` is not a loopback address (or set `allow_password_without_tls: true`)"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)


class UpstreamSettings(Section):
    """The database server behind the proxy."""

    host: Hosts = Field(
        description="name or address, or a folder with the server's Unix socket; or a list of such, or of `HOST:PORT`"
    )
    port: ServerPort = 5432
    target_session_attrs: Literal["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] = Field(
        "any",
        description="which of several hosts will do: `any`, `read-write`, `read-only`, `primary`, `standby` or "
        "`prefer-standby`",
    )
    spares: int = Field(
        2,
        ge=0,
        le=100,
        description="connections kept ready for the next logins, for each database in use, and as many of those given "
        "back; 0 for none",
    )
    user: Text = Field(description="pgveil's own account")
    password: ServerPassword = None
    tls: ServerTls = "verify-full"
    ca: ServerAuthorities = None
    databases: tuple[Text, ...] = Field(
        (),
        description="databases whose catalogs the policy is checked against at start (others at their first session)",
    )
    catalog_refresh_seconds: float = Field(
        1.0, ge=0.1, le=3600, description="how often it is asked whether a catalog has changed"
    )
    catalog_check: Literal["interval", "statement"] = Field(
        "interval",
        description="`statement`: a result leaves only when the catalog has been found unchanged since it was planned",
    )

    @model_validator(mode="before")
    @classmethod
    def _local_defaults(cls, given: object, info: ValidationInfo) -> object:
        return with_local_tls(given, info)

    @model_validator(mode="after")
    def _consistent(self) -> UpstreamSettings:
        if self.catalog_check == "statement" and len(self.host) > 1:
            raise ValueError(
                "`catalog_check: statement` cannot be kept with several hosts: the look at the catalog and the session "
                "may be on different servers"
            )
        return self

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Host (or folder of a Unix socket) and port of each server, in order of preference."""
        found = [host_and_port(host) for host in self.host]
        return tuple((host, self.port if port is None else port) for host, port in found)

    @property
    def is_sockets(self) -> bool:
        """Whether every server is reached over a Unix socket."""
        return all("/" in host for host, _ in self.servers)


class IdentitySettings(Section):
    """Whose tokens are accepted."""

    issuers: tuple[IssuerSettings, ...] = Field(description="whose tokens are accepted")
    hints: Literal["off", "optional", "required"] = Field(
        "off", description="comments `/* pgveil: TOKEN */` and `SET pgveil.token`, which say who is asking"
    )
    hints_required: tuple[Text, ...] = Field(
        (), description="roles whose logins read relations only for somebody whom a hint names (BI servers' accounts)"
    )

    @model_validator(mode="after")
    def _hints_are_on(self) -> IdentitySettings:
        if self.hints_required and self.hints == "off":
            raise ValueError("`hints_required` needs `hints: optional` (or `required`, for all roles)")
        return self

    @model_validator(mode="after")
    def _distinct(self) -> IdentitySettings:
        if not self.issuers:
            raise ValueError("at least one issuer is required, or nobody could log in")
        if len({i.issuer for i in self.issuers}) != len(self.issuers):
            raise ValueError("an issuer is listed twice")
        return self


class KeyringSettings(Section):
    """Where the keys of tokens and shifts are."""

    file: OutputFile = Field(description="the keyring, which `pgveil keys init` makes")
    master_key: Annotated[str, AfterValidator(_master_key)] = Field(
        description="what it is encrypted under: `file:PATH`, `env:NAME` or `vault:MOUNT/KEY`"
    )
    detokenizations_per_minute: int = Field(
        1000, ge=1, le=1_000_000, description="tokens that one principal may have turned back in a minute"
    )


class AuditSettings(Section):
    """Where it is written down."""

    journal: OutputFile = Field(description="file that gets one JSON object a line; without it there is no service")


class AdminSettings(Section):
    """Metrics, health, and what takes a token, over HTTP."""

    host: Text = Field("127.0.0.1", description="address for /metrics, /healthz and /readyz")
    port: Port = Field(9464, description="its port; 0 takes any that is free")
    tls: ListenTls | None = Field(None, description="TLS on that port; without it tokens are taken on loopback only")

    @property
    def takes_tokens(self) -> bool:
        """Whether a token may be sent there."""
        return self.tls is not None or is_loopback(self.host)


class HandleDatabase(Section):
    """A PostgreSQL database in which proxies on several hosts keep their handles."""

    host: Text = Field(description="name or address, or a folder with the server's Unix socket")
    port: ServerPort = 5432
    database: Text = Field(description="database that has the schema, which `pgveil handles init` makes")
    user: Text = Field(description="an account with rights on that schema only")
    password: ServerPassword = None
    tls: ServerTls = "verify-full"
    ca: ServerAuthorities = None

    @model_validator(mode="before")
    @classmethod
    def _local_defaults(cls, given: object, info: ValidationInfo) -> object:
        if isinstance(given, dict) and isinstance(given.get("host"), str):
            checked = with_local_tls(given, info)
            return checked | {"host": checked["host"][0]} if isinstance(checked, dict) else checked
        return given


class HandleSettings(Section):
    """Short passwords that stand for tokens."""

    store: Annotated[OutputFile | None, BeforeValidator(_a_file)] = Field(
        None, description="SQLite file that all proxies of one host share; it is made where it is missing"
    )
    database: HandleDatabase | None = Field(
        None, description="instead of the file, a PostgreSQL database that proxies on several hosts share"
    )
    max_lifetime_seconds: float = Field(
        2_592_000, ge=60, le=315_360_000, description="longest life of a handle; it ends with its token in any case"
    )
    max_per_principal: int = Field(20, ge=1, le=10_000, description="live handles that one principal may have")

    @model_validator(mode="after")
    def _one_place(self) -> HandleSettings:
        if (self.store is None) is (self.database is None):
            raise ValueError("needs `store` (a file) or `database`, and not both")
        return self


class LimitSettings(Section):
    """How much the proxy takes."""

    max_sessions: int = Field(_LIMITS.max_sessions, ge=1, le=100_000, description="concurrent sessions")
    login_seconds: float = Field(_LIMITS.login_seconds, gt=0, le=600, description="time for a login")
    max_message_bytes: int = Field(_LIMITS.max_message_bytes, ge=65536, le=(1 << 30) - 1, description="longest message")
    drain_seconds: float = Field(_LIMITS.drain_seconds, ge=0, le=86400, description="time to finish after SIGTERM")

    def limits(self) -> Limits:
        """These limits, with the others at their defaults."""
        return Limits(**self.model_dump())


class Settings(Section):
    """The whole file."""

    listen: ListenSettings = Field(default_factory=ListenSettings, description="where clients connect")
    upstream: UpstreamSettings = Field(description="the database server behind the proxy")
    identity: IdentitySettings = Field(description="whose tokens are accepted")
    policy: InputPath = Field(description="policy file, or a folder of them")
    keyring: KeyringSettings | None = Field(None, description="the keys of tokens and shifts, where the policy has any")
    handles: HandleSettings | None = Field(
        None, description="short passwords in exchange for tokens, for tools that cut long ones"
    )
    audit: AuditSettings = Field(description="where it is written down")
    admin: AdminSettings = Field(default_factory=AdminSettings, description="metrics and health over HTTP")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="how much the proxy takes")
    workers: Annotated[int, AfterValidator(_one_worker)] = Field(1, description="processes; only 1 in this release")

    @model_validator(mode="after")
    def _tokens_are_safe(self) -> Settings:
        if self.handles is not None and not self.admin.takes_tokens:
            raise ValueError("`handles` needs `admin.tls`, or an `admin.host` that is loopback: tokens are sent there")
        return self


def load_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read a settings file. Raises SettingsFileError with a line ``file:line: key: message`` for each problem."""
    document = SettingsDocument(path, environ)
    try:
        settings = Settings.model_validate(document.value, context={"folder": path.absolute().parent})
    except ValidationError as error:
        found = [(e["loc"], _in_words(e["type"], e["loc"], e["msg"])) for e in error.errors(include_input=False)]
        raise document.error(found) from None
    return settings


def _in_words(kind: str, location: Location, message: str) -> str:
    match kind:
        case "missing":
            return "is required"
        case "extra_forbidden":
            near = difflib.get_close_matches(str(location[-1]), _known_keys(location[:-1]), 1)
            return "is not a setting" + (f" (did you mean {near[0]}?)" if near else "")
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a mapping"
        case "tuple_type" | "list_type":
            return "must be a list"
        case _:
            return message.removeprefix("Value error, ")


def _known_keys(location: Location) -> list[str]:
    model: type[BaseModel] | None = Settings
    for step in location:
        if model is not None and isinstance(step, str):
            field = model.model_fields.get(step)
            model = None if field is None else section_of(field)
    return [] if model is None else list(model.model_fields)


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, alone, optionally or as a list."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
