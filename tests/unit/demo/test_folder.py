"""The demo's folder: files that load, and that only their owner reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.demo.folder import HOST, DemoFolder, Ports, Upstream, find_policy
from proxy.errors import SettingsFileError
from proxy.settings import load_settings


def test_the_settings_load(tmp_path: Path) -> None:
    """The written file means what was given, also where names and passwords need quoting."""
    folder = DemoFolder(tmp_path / 'a "b" ${HOME}')
    issuer = folder.prepare()
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\n")
    upstream = Upstream(str(tmp_path), 5439, "pgveil", 'p"#:${X} \\', "clinic")
    folder.write_settings(Ports(6500, 0), upstream, issuer, policy)
    settings = load_settings(folder.settings)
    assert (settings.listen.host, settings.listen.port, settings.admin.port) == (HOST, 6500, 0)
    assert settings.upstream.servers == ((str(tmp_path), 5439),)
    assert settings.upstream.password is not None
    assert settings.upstream.password.get_secret_value() == upstream.password
    assert settings.upstream.databases == ("clinic",)
    assert settings.identity.issuers[0].issuer == issuer.issuer
    assert settings.policy == policy
    assert settings.audit.journal == folder.journal
    assert folder.settings.stat().st_mode & 0o077 == 0


def test_secrets_are_not_printed() -> None:
    """The password is in no representation."""
    assert "hunter22" not in repr(Upstream("localhost", 1, "pgveil", "hunter22", "clinic"))


def test_a_folder_may_be_used_again(tmp_path: Path) -> None:
    """The second run takes the issuer of the first."""
    folder = DemoFolder(tmp_path / "demo")
    assert folder.prepare().key_id == folder.prepare().key_id


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file in the place of the folder is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsFileError, match="cannot be used"):
        DemoFolder(tmp_path / "file" / "demo").prepare()


def test_policies_are_found_or_missed(tmp_path: Path) -> None:
    """A given path wins, and one that is not there is named."""
    assert find_policy(tmp_path) == tmp_path
    with pytest.raises(SettingsFileError, match=r"there is no policy at .*none"):
        find_policy(tmp_path / "none")
