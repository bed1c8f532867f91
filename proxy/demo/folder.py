"""The demo's folder: settings, a local issuer, keys, journal and log.

Owns: which files there are and what the settings say. Must not know: what is done with them.
Invariant: the files with the password and the signing key (good for the demo only) are their owner's alone to read.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from proxy.errors import SettingsFileError
from proxy.identity.local_issuer import LocalIssuer

ADMIN_PORT = 9464
LISTEN_PORT = 6432
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the proxy and its metrics listen; 0 is any that is free."""

    listen: int
    admin: int


@dataclass(frozen=True, slots=True, repr=False)
class Upstream:
    """The database behind the proxy: a folder with its socket, or an address."""

    host: str
    port: int
    user: str
    password: str
    database: str


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """Paths inside the demo's folder."""

    path: Path

    @property
    def settings(self) -> Path:
        """What ``pgveil serve --config`` takes."""
        return self.path / "pgveil.yaml"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"

    @property
    def log(self) -> Path:
        """The proxy's own log."""
        return self.path / "pgveil.log"

    @property
    def _keyring(self) -> Path:
        """The keys of tokens."""
        return (self.path / "keyring.yaml").absolute()

    @property
    def _master_key(self) -> Path:
        return (self.path / "master.key").absolute()

    def prepare(self) -> LocalIssuer:
        """Make the folder and its issuer, or use what is there. Raises SettingsFileError where neither can be."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsFileError(f"the folder {self.path} cannot be used: {error.strerror}") from error
        keys = self.path / "issuer"
        return LocalIssuer.open(keys) if (keys / "issuer.json").exists() else LocalIssuer.create(keys)

    def write_settings(self, ports: Ports, upstream: Upstream, issuer: LocalIssuer, policy: Path) -> None:
        """Write the settings file, readable for its owner only."""
        lines = (
            f"listen: {{host: {HOST}, port: {ports.listen}}}",
            "upstream:",
            f"  host: {_quoted(upstream.host)}",
            f"  port: {upstream.port}",
            f"  user: {_quoted(upstream.user)}",
            f"  password: {_quoted(upstream.password)}",
            "  tls: disable",
            f"  databases: [{_quoted(upstream.database)}]",
            "identity:",
            "  issuers:",
            f"    - issuer: {_quoted(issuer.issuer)}",
            f"      audience: {_quoted(issuer.audience)}",
            f"      jwks: {_quoted(str((issuer.folder / 'jwks.json').absolute()))}",
            f"      algorithms: [{issuer.algorithm.value}]",
            f"policy: {_quoted(str(policy.absolute()))}",
            f"keyring: {{file: {_quoted(str(self._keyring))}, master_key: {_quoted(f'file:{self._master_key}')}}}",
            f"audit: {{journal: {_quoted(str(self.journal.absolute()))}}}",
            f"admin: {{host: {HOST}, port: {ports.admin}}}",
        )
        self.settings.touch(mode=0o600)
        self.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")


def find_policy(given: Path | None = None) -> Path:
    """The clinic's policy: the one given, else the source tree's, else the one installed with the package."""
    here = Path(__file__).parent
    places = (given,) if given is not None else (here.parents[1] / "policies" / "clinic", here / "policies" / "clinic")
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise SettingsFileError(
            f"there is no policy at {' or '.join(str(place) for place in places)}",
            hint="Name the folder with --policy.",
        )
    return found


def choose_port(wanted: int | None, usual: int) -> int:
    """``wanted`` where there is one; else the usual port, or a free one where another program has that."""
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, usual))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _quoted(text: str) -> str:
    """A double-quoted YAML scalar (JSON's is one), with the settings file's own ``${`` escaped."""
    return json.dumps(text).replace("${", "$${")
