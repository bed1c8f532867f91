"""The keyring file: every domain's keys, each encrypted under the master key.

Owns: the file's format, and the changes that ``pgveil keys`` makes. Must not know: policies, terminals.
Invariant: a key that was written once is written for ever, retired or not; nothing is changed where the master key is
lost or wrong, or where the file is not as it was written.

The file is JSON, which is YAML too. Each key is encrypted by AES-256-GCM with its domain and epoch as associated data,
and the whole is sealed by an HMAC-SHA-256, so that no key can be moved, dropped or called live by editing it.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from proxy.errors import SettingsFileError
from proxy.tokens.derivation import SECRET_BYTES, DomainKeys, EpochKey, Keyring
from proxy.tokens.master_key import MasterKeySource
from proxy.tokens.secret_files import locked, read_secret_file, replace_secret_file
from proxy.tokens.types import DOMAIN_NAME

_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_CHECK_BYTES: Final = 8
_LASTING: Final = "lasting"
_LIVE, _RETIRED = "live", "retired"

Changed = Callable[[dict[str, DomainKeys]], None]


@dataclass(frozen=True, slots=True)
class _Master:
    """The keys of one keyring that come from its master key."""

    sealed: str | None
    wrapping: AESGCM
    check: str
    sealing: bytes

    @classmethod
    def of(cls, key: bytes, sealed: str | None) -> _Master:
        def part(word: str, length: int) -> bytes:
            return HKDFExpand(SHA256(), length, f"pgveil keyring {_VERSION} {word}".encode()).derive(key)

        return cls(sealed, AESGCM(part("wrap", 32)), part("check", _CHECK_BYTES).hex(), part("seal", 32))

    def __repr__(self) -> str:
        return "_Master()"


class KeyringFile:
    """One keyring file and the source of its master key."""

    __slots__ = ("_master", "path")

    def __init__(self, path: Path, master: MasterKeySource) -> None:
        self.path = path
        self._master = master

    def read(self) -> Keyring:
        """Every key. Raises SettingsFileError where anything is missing, wrong or readable by others."""
        return Keyring(self._read()[1])

    def init(self, domains: Iterable[str], today: date) -> tuple[str, ...]:
        """Make what is missing: the keyring, its master key, and a key for each domain. Returns what was done."""
        done: list[str] = []
        with locked(self.path):
            if self.path.exists():
                master, keys = self._read()
            else:
                made = self._master.create()
                master, keys = _Master.of(made.key, made.sealed), {}
                done += [made.said, f"made the keyring {self.path}"]
            missing = sorted(set(domains) - keys.keys())
            for name in missing:
                keys[name] = DomainKeys(name, (_new_key(1, today),), secrets.token_bytes(SECRET_BYTES))
                done.append(f"made a key for the domain {name}")
            if done:
                self._write(master, keys)
        return tuple(done)

    def rotate(self, domains: Iterable[str], today: date) -> dict[str, int]:
        """Give each domain a new epoch. Returns its number by domain."""
        numbers: dict[str, int] = {}

        def change(keys: dict[str, DomainKeys]) -> None:
            for name in domains:
                old = self._domain(keys, name)
                numbers[name] = old.newest.epoch + 1
                keys[name] = replace(old, epochs=(*old.epochs, _new_key(numbers[name], today)))

        self._change(change)
        return numbers

    def retire(self, domain: str, epoch: int) -> None:
        """Stop understanding the tokens of an older epoch."""

        def change(keys: dict[str, DomainKeys]) -> None:
            old = self._domain(keys, domain)
            if epoch == old.newest.epoch:
                raise SettingsFileError(
                    f"epoch {epoch} is the newest of {domain}, under which tokens are made",
                    hint=f"Rotate first: pgveil keys rotate {domain}",
                )
            if epoch not in {key.epoch for key in old.epochs}:
                raise SettingsFileError(f"{domain} has no epoch {epoch}")
            epochs = tuple(replace(key, live=False) if key.epoch == epoch else key for key in old.epochs)
            keys[domain] = replace(old, epochs=epochs)

        self._change(change)

    def _domain(self, keys: Mapping[str, DomainKeys], name: str) -> DomainKeys:
        if name not in keys:
            raise SettingsFileError(f"{self.path}: there is no domain {name} (there are: {', '.join(sorted(keys))})")
        return keys[name]

    def _change(self, change: Changed) -> None:
        with locked(self.path):
            master, keys = self._read()
            change(keys)
            self._write(master, keys)

    def _write(self, master: _Master, keys: Mapping[str, DomainKeys]) -> None:
        content: dict[str, object] = {
            "pgveil_keyring": _VERSION,
            "master_key": {"check": master.check, "sealed": master.sealed},
            "domains": {name: _wrapped(master, keys[name]) for name in sorted(keys)},
        }
        content["seal"] = _seal(master, content)
        replace_secret_file(self.path, (json.dumps(content, indent=1) + "\n").encode())

    def _read(self) -> tuple[_Master, dict[str, DomainKeys]]:
        if not self.path.exists():
            raise SettingsFileError(
                f"{self.path}: there is no keyring", hint="Make it with: pgveil keys init --config FILE"
            )
        content = self._parsed(read_secret_file(self.path))
        try:
            said, sealed, seal = content["master_key"]["check"], content["master_key"]["sealed"], content.pop("seal")
            domains = content["domains"]
        except (KeyError, TypeError, AttributeError):
            raise self._damaged() from None
        if not (isinstance(said, str) and isinstance(seal, str) and isinstance(sealed, str | None)):
            raise self._damaged()
        master = _Master.of(self._master.open(sealed), sealed)
        if not hmac.compare_digest(master.check.encode(), said.encode()):
            raise SettingsFileError(
                f"{self.path}: the master key is not the one that this keyring was made with",
                hint="Look for the right one: a new master key would not open it.",
            )
        if not hmac.compare_digest(_seal(master, content).encode(), seal.encode()):
            raise self._damaged()
        try:
            return master, {name: _unwrapped(master, name, entry) for name, entry in domains.items()}
        except (KeyError, TypeError, ValueError, AttributeError, InvalidTag):
            raise self._damaged() from None

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except ValueError as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            raise SettingsFileError(f"{self.path}:{line}: this is not a keyring that pgveil wrote") from None
        if not isinstance(content, dict) or content.get("pgveil_keyring") != _VERSION:
            raise SettingsFileError(f"{self.path}:1: this is not a keyring of version {_VERSION}")
        return content

    def _damaged(self) -> SettingsFileError:
        return SettingsFileError(
            f"{self.path}: the keyring was changed by something else than pgveil keys",
            hint="Restore it from its backup.",
        )


def _new_key(epoch: int, today: date) -> EpochKey:
    return EpochKey(epoch, live=True, created=today, secret=secrets.token_bytes(SECRET_BYTES))


def _seal(master: _Master, content: Mapping[str, object]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hmac.digest(master.sealing, canonical, "sha256").hex()


def _wrapped(master: _Master, keys: DomainKeys) -> dict[str, object]:
    return {
        _LASTING: _encrypted(master, keys.lasting, keys.domain, _LASTING),
        "epochs": [
            {
                "epoch": key.epoch,
                "state": _LIVE if key.live else _RETIRED,
                "created": key.created.isoformat(),
                "key": _encrypted(master, key.secret, keys.domain, str(key.epoch)),
            }
            for key in keys.epochs
        ],
    }


def _unwrapped(master: _Master, name: str, entry: Mapping[str, Any]) -> DomainKeys:
    epochs = tuple(
        EpochKey(
            int(key["epoch"]),
            {_LIVE: True, _RETIRED: False}[key["state"]],
            date.fromisoformat(key["created"]),
            _decrypted(master, key["key"], name, str(key["epoch"])),
        )
        for key in entry["epochs"]
    )
    numbers = [key.epoch for key in epochs]
    if not DOMAIN_NAME.fullmatch(name) or numbers != sorted({*numbers}) or not epochs or not epochs[-1].live:
        raise ValueError(name)
    return DomainKeys(name, epochs, _decrypted(master, entry[_LASTING], name, _LASTING))


def _encrypted(master: _Master, secret: bytes, domain: str, place: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return (nonce + master.wrapping.encrypt(nonce, secret, f"{domain} {place}".encode())).hex()


def _decrypted(master: _Master, text: str, domain: str, place: str) -> bytes:
    data = bytes.fromhex(text)
    return master.wrapping.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], f"{domain} {place}".encode())
