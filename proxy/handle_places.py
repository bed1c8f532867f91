"""From the settings to the place where handles are kept: a file, or a database.

Owns: which of them it is, and how it is reached. Must not know: what a handle is. Invariant: exactly one is used.
"""

from __future__ import annotations

from proxy.errors import SettingsFileError
from proxy.identity.handle_database import Address, HandleDatabase
from proxy.identity.handle_file import HandleFile
from proxy.identity.handle_store import HandleStore
from proxy.identity.handles import Handles
from proxy.net.tls import TlsMode, upstream_context
from proxy.settings import HandleSettings


def handle_store(settings: HandleSettings) -> HandleStore:
    """Where handles are kept (raises SettingsFileError where a file cannot be used)."""
    if settings.store is not None:
        return HandleFile(settings.store)
    return HandleDatabase(handle_database(settings))


def handle_database(settings: HandleSettings) -> Address:
    """The database that handles are kept in. Raises SettingsFileError where they are kept in a file."""
    given = settings.database
    if given is None:
        raise SettingsFileError("handles.database: handles are kept in a file, which needs no making")
    context = None if "/" in given.host else upstream_context(TlsMode(given.tls), given.ca)
    password = given.password.get_secret_value() if given.password is not None else None
    return Address(given.host, given.port, given.database, given.user, password, context or False)


def open_handles(settings: HandleSettings | None) -> Handles | None:
    """The handles that the settings name, if any (raises SettingsFileError where a file cannot be used)."""
    if settings is None:
        return None
    return Handles(
        handle_store(settings),
        max_lifetime=settings.max_lifetime_seconds,
        max_per_principal=settings.max_per_principal,
    )
