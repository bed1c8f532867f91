"""The master key from HashiCorp Vault's transit engine (https://developer.hashicorp.com/vault/api-docs/secret/transit).

Owns: the two calls. Must not know: the keyring. Invariant: the key itself never rests outside of this process: Vault
keeps the key that it is encrypted under, and the keyring file its encrypted form.

Address, token and authority come from VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT, as for Vault's own command. The library
is installed by ``pip install 'pgveil[vault]'``.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from proxy.errors import SettingsFileError
from proxy.tokens.derivation import SECRET_BYTES
from proxy.tokens.master_key import NewMasterKey

_TIMEOUT_SECONDS: Final = 10
# What to do, by the library's name for what has happened (https://developer.hashicorp.com/vault/api-docs, "HTTP status
# codes"; 400 is what transit answers where it has no such key, or where a ciphertext is not of this one).
_WHAT_TO_DO: Final[Mapping[str, str]] = {
    "VaultDown": "Vault is sealed or down for maintenance. Unseal it (vault operator unseal) and start again.",
    "VaultNotInitialized": "VAULT_ADDR names a Vault that was never initialized. Is it the right one?",
    "Forbidden": "Vault does not let VAULT_TOKEN use this key: see whether the token has expired, and its policy.",
    "InvalidPath": "Vault has no transit engine under this name. Correct keyring.master_key, or VAULT_ADDR.",
    "InvalidRequest": "Vault has no key of this name, or the keyring was made with another one. Correct"
    " keyring.master_key, or restore the key from Vault's backup; a new one would not help.",
    "InternalServerError": "See Vault's log. Where it says that a message's authentication failed, the keyring was made"
    " with another key: correct keyring.master_key.",
    "SSLError": "Vault's certificate was not accepted. Name its authority in VAULT_CACERT.",
    "OSError": "See whether the file that VAULT_CACERT names is there.",
    "UnicodeEncodeError": "VAULT_TOKEN or VAULT_ADDR has a character that they cannot have.",
    "InvalidHeader": "VAULT_TOKEN has a character that it cannot have.",
    "MissingSchema": "VAULT_ADDR should be a URL, such as https://vault.example:8200.",
} | dict.fromkeys(
    ("ConnectionError", "ConnectTimeout", "ReadTimeout"),
    "Vault does not answer. See whether it runs and VAULT_ADDR names it, and start again.",
)
_ELSE: Final = "See VAULT_ADDR, VAULT_TOKEN, and whether the token may use this key."


class VaultMasterKey:
    """A data key of one transit key, named ``MOUNT/KEY``. A key once opened is kept, so that a reload asks nobody."""

    __slots__ = ("_key_name", "_mount", "_opened")

    def __init__(self, name: str) -> None:
        """Raises SettingsFileError where the name has not that form."""
        self._mount, slash, self._key_name = name.rpartition("/")
        if not (slash and self._mount and self._key_name):
            raise SettingsFileError(
                "keyring.master_key: vault: should be followed by MOUNT/KEY, such as transit/pgveil"
            )
        self._opened: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"VaultMasterKey({self._mount}/{self._key_name})"

    def open(self, sealed: str | None) -> bytes:
        """See ``MasterKeySource``."""
        if sealed is None:
            raise SettingsFileError("the keyring was not made with a key service, and its master key is elsewhere")
        if sealed not in self._opened:
            data = self._asked(
                lambda t: t.decrypt_data(name=self._key_name, ciphertext=sealed, mount_point=self._mount)
            )
            self._opened[sealed] = _plaintext(data)
        return self._opened[sealed]

    def create(self) -> NewMasterKey:
        """See ``MasterKeySource``."""
        data = self._asked(
            lambda t: t.generate_data_key(name=self._key_name, key_type="plaintext", mount_point=self._mount)
        )
        key, sealed = _plaintext(data), data.get("ciphertext")
        if not (isinstance(sealed, str) and sealed):
            raise _not_a_key()
        self._opened[sealed] = key
        return NewMasterKey(sealed, f"made a master key under Vault's {self._mount}/{self._key_name}", key)

    def _asked(self, call: Callable[[Any], Any]) -> Mapping[str, Any]:
        """The ``data`` of Vault's answer, empty where it has none."""
        try:
            hvac = import_module("hvac")
            vault_error = import_module("hvac.exceptions").VaultError
        except ImportError:
            raise SettingsFileError(
                "keyring.master_key: the library for Vault is not installed", hint="pip install 'pgveil[vault]'"
            ) from None
        try:
            verify = os.environ.get("VAULT_CACERT") or True
            with_token = hvac.Client(timeout=_TIMEOUT_SECONDS, verify=verify, allow_redirects=False)
            answer = call(with_token.secrets.transit)
        except (vault_error, OSError, ValueError, TypeError) as error:
            # OSError: all of requests' own too. The others: headers that cannot be sent, errors that are not Vault's.
            # What the server says may quote the request, and what the library says the token.
            name, why = f"{self._mount}/{self._key_name}", type(error).__name__
            raise SettingsFileError(
                f"keyring.master_key: Vault did not give the key {name} ({why})", hint=_WHAT_TO_DO.get(why, _ELSE)
            ) from None
        data = answer.get("data") if isinstance(answer, dict) else None  # a redirect, or what is not JSON, is no dict
        return data if isinstance(data, dict) else {}


def _plaintext(data: Mapping[str, Any]) -> bytes:
    try:
        key = base64.b64decode(data["plaintext"], validate=True)
    except (KeyError, TypeError, ValueError):
        key = b""
    if len(key) != SECRET_BYTES:
        raise _not_a_key()
    return key


def _not_a_key() -> SettingsFileError:
    return SettingsFileError(
        "keyring.master_key: Vault's answer is not a key of 256 bits",
        hint="See whether VAULT_ADDR names the active Vault server itself, and not a page or a standby before it.",
    )
