"""The master key from HashiCorp Vault's transit engine (https://developer.hashicorp.com/vault/api-docs/secret/transit).

Owns: the two calls. Must not know: the keyring. Invariant: the key itself never rests outside of this process: Vault
keeps the key that it is encrypted under, and the keyring file its encrypted form.

Address, token and authority come from VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT, as for Vault's own command. The library
is installed by ``pip install 'pgveil[vault]'``.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from proxy.errors import SettingsFileError
from proxy.tokens.derivation import SECRET_BYTES
from proxy.tokens.master_key import NewMasterKey

_TIMEOUT_SECONDS: Final = 10


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
            answer = self._asked(
                lambda t: t.decrypt_data(name=self._key_name, ciphertext=sealed, mount_point=self._mount)
            )
            self._opened[sealed] = _plaintext(answer)
        return self._opened[sealed]

    def create(self) -> NewMasterKey:
        """See ``MasterKeySource``."""
        answer = self._asked(
            lambda t: t.generate_data_key(name=self._key_name, key_type="plaintext", mount_point=self._mount)
        )
        sealed = str(answer["data"]["ciphertext"])
        key = self._opened[sealed] = _plaintext(answer)
        return NewMasterKey(sealed, f"made a master key under Vault's {self._mount}/{self._key_name}", key)

    def _asked(self, call: Callable[[Any], Any]) -> Any:
        try:
            hvac = import_module("hvac")
            failures = (import_module("hvac.exceptions").VaultError, import_module("requests").RequestException)
        except ImportError:
            raise SettingsFileError(
                "keyring.master_key: the library for Vault is not installed", hint="pip install 'pgveil[vault]'"
            ) from None
        try:
            verify = os.environ.get("VAULT_CACERT") or True
            with_token = hvac.Client(timeout=_TIMEOUT_SECONDS, verify=verify, allow_redirects=False)
            return call(with_token.secrets.transit)
        except failures as error:
            # What the server says may quote the request.
            name, why = f"{self._mount}/{self._key_name}", type(error).__name__
            raise SettingsFileError(
                f"keyring.master_key: Vault did not give the key {name} ({why})",
                hint="See VAULT_ADDR, VAULT_TOKEN, and whether the token may use this key.",
            ) from None


def _plaintext(answer: Any) -> bytes:
    try:
        key = base64.b64decode(answer["data"]["plaintext"], validate=True)
    except (KeyError, TypeError, ValueError):
        key = b""
    if len(key) != SECRET_BYTES:
        raise SettingsFileError("keyring.master_key: Vault's answer is not a key of 256 bits")
    return key
