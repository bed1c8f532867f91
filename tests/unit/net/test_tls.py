"""TLS contexts: what each mode promises, and files that do not load."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from proxy.errors import SettingsFileError
from proxy.net.tls import TlsMode, server_context, upstream_context
from tests.support.certificates import make_server_files


def test_modes(tmp_path: Path) -> None:
    """verify-full checks certificate and name, verify-ca the certificate, require nothing without an authority."""
    ca = make_server_files(tmp_path).ca
    assert upstream_context(TlsMode.DISABLE, ca) is None
    expected = {
        (TlsMode.REQUIRE, None): (ssl.CERT_NONE, False),
        (TlsMode.REQUIRE, ca): (ssl.CERT_REQUIRED, False),
        (TlsMode.VERIFY_CA, ca): (ssl.CERT_REQUIRED, False),
        (TlsMode.VERIFY_CA, None): (ssl.CERT_REQUIRED, False),
        (TlsMode.VERIFY_FULL, ca): (ssl.CERT_REQUIRED, True),
        (TlsMode.VERIFY_FULL, None): (ssl.CERT_REQUIRED, True),
    }
    for (mode, authority), (verified, named) in expected.items():
        context = upstream_context(mode, authority)
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (verified, named)
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_server_files(tmp_path: Path) -> None:
    """A certificate and its key load."""
    files = make_server_files(tmp_path)
    assert server_context(files.certificate, files.key).minimum_version == ssl.TLSVersion.TLSv1_2


def test_bad_server_files(tmp_path: Path) -> None:
    """Missing, garbled, foreign and encrypted files are named in the error."""
    files, others = make_server_files(tmp_path / "a"), make_server_files(tmp_path / "b")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\1\2")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    for certificate, key in (
        (tmp_path / "none", files.key),
        (files.certificate, tmp_path / "none"),
        (garbage, files.key),
        (files.certificate, garbage),
        (files.certificate, others.key),
        (files.certificate, encrypted),
    ):
        with pytest.raises(SettingsFileError) as caught:
            server_context(certificate, key)
        assert str(certificate) in caught.value.message or str(key) in caught.value.message


def test_bad_authorities(tmp_path: Path) -> None:
    """An authority's file that is none is named in the error."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\1\2")
    for ca in (garbage, tmp_path / "none"):
        with pytest.raises(SettingsFileError, match=ca.name):
            upstream_context(TlsMode.VERIFY_FULL, ca)
