"""TLS contexts for both sides (manual, 19.9 and 34.19).

Owns: which TLS we offer to clients and ask of the upstream. Must not know: connections, protocols' messages.
Invariant: nothing below TLS 1.2; ``verify-ca`` and ``verify-full`` never fall back to anything less.
"""

from __future__ import annotations

import ssl
from enum import Enum
from pathlib import Path
from typing import Final, assert_never

from proxy.errors import SettingsFileError

ALPN_PROTOCOL: Final = "postgresql"  # registered with IANA; required where TLS comes without an SSLRequest


class TlsMode(Enum):
    """``sslmode`` of libpq (manual, 34.19.3), without the modes that may silently do without TLS."""

    DISABLE = "disable"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


def server_context(certificate: Path, key: Path, *, protocol: str = ALPN_PROTOCOL) -> ssl.SSLContext:
    """The context in which clients are served, who may name ``protocol`` (ALPN).

    Raises SettingsFileError where the files do not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols([protocol])
    for path in (certificate, key):
        if not path.is_file():
            raise SettingsFileError(f"{path}: there is no such file")
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or "not readable"
        raise SettingsFileError(
            f"{certificate}, {key}: not a PEM certificate and its unencrypted key ({reason})"
        ) from None
    return context


def upstream_context(mode: TlsMode, ca: Path | None) -> ssl.SSLContext | None:
    """The context in which the upstream is reached, None for ``disable``.

    As in libpq, ``require`` with a ``ca`` means ``verify-ca``; without ``ca`` the verifying modes trust the system's
    certificates. Raises SettingsFileError where the file is no certificate.
    """
    match mode:
        case TlsMode.DISABLE:
            return None
        case TlsMode.REQUIRE:
            verified, named = ca is not None, False
        case TlsMode.VERIFY_CA:
            verified, named = True, False
        case TlsMode.VERIFY_FULL:
            verified, named = True, True
        case _:
            assert_never(mode)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = named
    context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
    context.set_alpn_protocols([ALPN_PROTOCOL])
    if not verified:
        return context
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(ca)
    except (OSError, ValueError):
        raise SettingsFileError(f"{ca}: not a PEM file of certificates (upstream.ca)") from None
    return context


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise ValueError("the key is encrypted")
