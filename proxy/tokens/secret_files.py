"""Files that hold secrets: read only where nobody else can, written whole or not at all.

Owns: permissions, atomic replacement and the lock. Must not know: what the files hold.
Invariant: a file that is written is complete on disk before it has its name, and is never readable by others; what was
there before a write that fails is there after it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from proxy.errors import SettingsFileError

_MAX_BYTES: Final = 1 << 24
_FORBIDDEN: Final = stat.S_IRWXG | stat.S_IRWXO
_OWNER_ONLY: Final = 0o600


def read_secret_file(path: Path) -> bytes:
    """The content. Raises SettingsFileError where it cannot be read, and where others than the owner could read it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _FORBIDDEN:
                raise SettingsFileError(
                    f"{path}: other users may read or write this file, and it holds secrets",
                    hint=f"chmod 600 {path}",
                )
            return file.read(_MAX_BYTES)
    except OSError as error:
        raise _cannot(path, "read", error) from None


def replace_secret_file(path: Path, content: bytes) -> None:
    """Give the file this content in one step. Raises SettingsFileError where it cannot be written."""
    _write(path, content, lambda new: new.replace(path))


def create_secret_file(path: Path, content: bytes) -> None:
    """Make the file. Raises SettingsFileError also where there is one already: it is left as it is."""
    _write(path, content, path.hardlink_to)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file, which stands beside it. Raises SettingsFileError where another process does."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        raise _cannot(lock, "written", error) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsFileError(
                f"{path}: another command is changing this file; try again when it is done"
            ) from None
        yield
    finally:
        os.close(handle)


def _write(path: Path, content: bytes, put: Callable[[Path], object]) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put(new)
        _sync_folder(path.parent)
    except OSError as error:
        raise _cannot(path, "written", error) from None
    finally:
        new.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The name is on disk too, not only the content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot(path: Path, what: str, error: OSError) -> SettingsFileError:
    return SettingsFileError(f"{path}: cannot be {what}: {error.strerror or type(error).__name__}")
