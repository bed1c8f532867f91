"""Finding a server's programs, and making them reachable for the account that runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from proxy.demo import binaries
from proxy.demo.binaries import Account, EmbeddedPostgresError, ServerBinaries, find_binaries, reachable_for

NOBODY = Account("nobody", 65_000, 65_000)


@pytest.fixture
def install(tmp_path: Path) -> ServerBinaries:
    """An install laid out as the wheel's, in a folder that only its owner may enter."""
    root = tmp_path / "private"
    folder = root / binaries.WHEEL / "pginstall" / "bin"
    folder.mkdir(parents=True)
    (root / f"{binaries.WHEEL}.libs").mkdir()
    (root / f"{binaries.WHEEL}.libs" / "libpq.so").write_bytes(b"library")
    for name in ("initdb", "postgres"):
        (folder / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.9'\n")
        (folder / name).chmod(0o700)
    root.chmod(0o700)
    return ServerBinaries(folder, 16)


def test_the_wheel_is_found_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both versions are found, and the wheel's module is not loaded."""
    monkeypatch.delenv(binaries.OTHER_SERVER, raising=False)
    for version in (16, 18):
        found = find_binaries(version)
        assert found.version == version
        assert found.program("pgbench").is_file()
    assert binaries.WHEEL not in sys.modules


def test_a_named_server_wins(monkeypatch: pytest.MonkeyPatch, install: ServerBinaries) -> None:
    """The folder in PGVEIL_TEST_POSTGRES is used whatever version is asked for."""
    monkeypatch.setenv(binaries.OTHER_SERVER, str(install.folder))
    assert find_binaries(18) == ServerBinaries(install.folder.resolve(), 16)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without a server, a version that is not there and an extra that is not installed each say so."""
    monkeypatch.setenv(binaries.OTHER_SERVER, str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match=binaries.OTHER_SERVER):
        find_binaries()
    monkeypatch.delenv(binaries.OTHER_SERVER)
    with pytest.raises(EmbeddedPostgresError, match="no embedded PostgreSQL 12; there are 16 and 18"):
        find_binaries(12)
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    with pytest.raises(EmbeddedPostgresError, match="`demo` is not installed") as raised:
        find_binaries()
    assert raised.value.hint == "Install it with: pip install 'pgveil[demo]'"


def test_a_missing_program_is_said(install: ServerBinaries) -> None:
    """Asking for a program that the server does not have names the program and the folder."""
    with pytest.raises(EmbeddedPostgresError, match="there is no pgbench in "):
        install.program("pgbench")


def test_a_reachable_install_stays_where_it_is(install: ServerBinaries, tmp_path: Path) -> None:
    """Without another account nothing is copied."""
    assert reachable_for(install, None, tmp_path / "copy") is install
    assert not (tmp_path / "copy").exists()


def test_an_unreachable_wheel_is_copied(install: ServerBinaries, tmp_path: Path) -> None:
    """The copy keeps the layout (programs find their libraries beside them) and everyone may read and run it."""
    target = tmp_path / "copy"
    moved = reachable_for(install, NOBODY, target)
    assert moved.folder.is_relative_to(target)
    assert moved.version == 16
    assert moved.program("postgres").stat().st_mode & 0o777 == 0o755
    library = moved.folder.parents[2] / f"{binaries.WHEEL}.libs" / "libpq.so"
    assert library.read_bytes() == b"library"
    assert all(folder.stat().st_mode & 0o001 for folder in (target / "server").rglob("*") if folder.is_dir())


def test_another_unreachable_server_is_refused(tmp_path: Path) -> None:
    """A server whose layout is not ours is not copied: the message names the account and the way out."""
    folder = tmp_path / "private" / "bin"
    folder.mkdir(parents=True)
    (tmp_path / "private").chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match='the user "nobody" cannot reach') as raised:
        reachable_for(ServerBinaries(folder, 15), NOBODY, tmp_path / "copy")
    assert raised.value.hint is not None


def test_traversal_follows_the_permission_bits(tmp_path: Path) -> None:
    """Owner, group and others each count by their own bit, in every folder above."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    owner = folder.stat()
    mine = Account("me", owner.st_uid, owner.st_gid)
    others = Account("other", 65_000, 65_000)
    above = all(part.stat().st_mode & 0o001 for part in tmp_path.parents)
    tmp_path.chmod(0o711)
    (tmp_path / "a").chmod(0o711)
    assert others.may_traverse(folder) is above
    (tmp_path / "a").chmod(0o710)
    assert not others.may_traverse(folder)
    assert Account("group", 65_000, owner.st_gid)._has_x(tmp_path / "a")
    assert mine._has_x(tmp_path / "a")
