"""The master key, under which the keyring's keys are encrypted: where it is kept, and how it is had.

Owns: the words of ``keyring.master_key`` in the settings, and keys from files and the environment. Must not know: what
is encrypted under it. Invariant: a master key is made by ``create`` alone, when there is no keyring; a lost one is an
error.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from proxy.errors import SettingsFileError
from proxy.tokens.derivation import SECRET_BYTES
from proxy.tokens.secret_files import create_secret_file, read_secret_file

_HEX: Final = re.compile(rf"[0-9a-fA-F]{{{2 * SECRET_BYTES}}}")
_FORM: Final = f"should be {2 * SECRET_BYTES} hexadecimal digits (make one with: openssl rand -hex {SECRET_BYTES})"
SPELLING: Final = re.compile(r"(?P<kind>file|env|vault):(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class NewMasterKey:
    """A key for a new keyring. ``sealed`` is kept in it, for a source that needs it to give the key again.

    ``said`` tells a person what was done for it; empty where nothing was.
    """

    sealed: str | None
    said: str
    key: bytes = field(repr=False)


class MasterKeySource(Protocol):
    """Where the master key comes from. Both methods raise SettingsFileError, which holds nothing secret."""

    def open(self, sealed: str | None) -> bytes:
        """The key of a keyring that was made with ``sealed``."""

    def create(self) -> NewMasterKey:
        """A key for a new keyring: the one that is there already, or a new one."""


@dataclass(frozen=True, slots=True)
class FileMasterKey:
    """A file with the key in hexadecimal digits."""

    path: Path

    def open(self, sealed: str | None) -> bytes:
        """See ``MasterKeySource``."""
        if not self.path.exists():
            raise SettingsFileError(
                f"{self.path}: the master key is missing",
                detail="The keyring was made with it and cannot be opened without it. A new key would not help.",
                hint="Restore the file from its backup.",
            )
        return _key(read_secret_file(self.path).decode("ascii", "replace").strip(), str(self.path))

    def create(self) -> NewMasterKey:
        """See ``MasterKeySource``."""
        if self.path.exists():
            return NewMasterKey(None, f"used the master key in {self.path}", self.open(None))
        key = secrets.token_bytes(SECRET_BYTES)
        create_secret_file(self.path, f"{key.hex()}\n".encode())
        return NewMasterKey(None, f"made the master key {self.path}", key)


@dataclass(frozen=True, slots=True)
class EnvironmentMasterKey:
    """An environment variable with the key in hexadecimal digits."""

    name: str
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def open(self, sealed: str | None) -> bytes:
        """See ``MasterKeySource``."""
        if not self.environ.get(self.name):
            raise SettingsFileError(
                f"the environment variable {self.name}, which holds the keyring's master key, is not set",
                hint=f"For a new keyring: export {self.name}=$(openssl rand -hex {SECRET_BYTES})",
            )
        return _key(self.environ[self.name].strip(), f"the environment variable {self.name}")

    def create(self) -> NewMasterKey:
        """See ``MasterKeySource``."""
        return NewMasterKey(None, f"used the master key in the environment variable {self.name}", self.open(None))


def master_key_source(spelling: str, key_services: Mapping[str, Callable[[str], MasterKeySource]]) -> MasterKeySource:
    """The source that ``keyring.master_key`` names: ``file:PATH``, ``env:NAME``, or a key service by its word."""
    match = SPELLING.fullmatch(spelling)
    if match is None:
        raise SettingsFileError("keyring.master_key should be file:PATH, env:NAME or vault:MOUNT/KEY")
    match match["kind"]:
        case "file":
            return FileMasterKey(Path(match["name"]))
        case "env":
            return EnvironmentMasterKey(match["name"])
        case kind:
            return key_services[kind](match["name"])


def _key(text: str, where: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise SettingsFileError(f"{where}: the master key {_FORM}")
    return bytes.fromhex(text)
