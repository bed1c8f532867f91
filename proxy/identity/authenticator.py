"""Logins: a password that is a JWT, or a handle that stands for one, becomes a principal.

Owns: choosing the issuer, verifying the token, and the cache of tokens verified before.
Must not know: sessions, SQL, sockets. Invariant: a principal is returned only for a token whose signature was checked
with a key of its issuer that is trusted now, handle or not; no error, log line or ``repr`` holds any part of a token.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import jwt

from proxy.errors import AuthenticationError, SettingsFileError
from proxy.identity.claims import Identity, TokenRefusedError, read_identity
from proxy.identity.handle_store import HandlesUnavailableError
from proxy.identity.handles import Handles, is_handle
from proxy.identity.issuer import Algorithm, IssuerSettings
from proxy.identity.key_set import KeySet
from proxy.identity.key_source import KeySource, KeysUnavailableError, key_source
from proxy.identity.principal import Principal

logger = logging.getLogger(__name__)

MAX_TOKEN_BYTES = 16384
_CACHED_TOKENS = 4096
_MAX_CANDIDATES = 16
_NO_KEYS = "The keys of the token's issuer are not available now."
_REQUIRED = ["exp", "nbf", "iss", "aud"]
_USER_SHOWN = 63  # PostgreSQL's own limit on names (manual, 4.1.1)


@dataclass(frozen=True, slots=True)
class _Issuer:
    settings: IssuerSettings
    source: KeySource


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that was verified: whose it is, the very keys that were in force, and the thumbprint of its own."""

    issuer: _Issuer
    keys: KeySet
    signing_key: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a token says of itself, good for finding the keys to check it with."""

    issuer: _Issuer
    algorithm: Algorithm
    key_id: str | None


class Authenticator:
    """Verifies tokens of the listed issuers. Belongs to one event loop."""

    def __init__(
        self,
        issuers: tuple[IssuerSettings, ...],
        *,
        handles: Handles | None = None,
        sources: Callable[[IssuerSettings], KeySource] = key_source,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``sources`` makes the key source of an issuer; ``clock`` gives seconds since the epoch.

        Without ``handles`` only tokens are accepted.
        """
        self._issuers = {settings.issuer: _Issuer(settings, sources(settings)) for settings in issuers}
        if len(self._issuers) != len(issuers):
            raise SettingsFileError("an issuer is listed twice")
        self._clock = clock
        self._handles = handles
        self._cache: dict[bytes, Verified] = {}

    async def prepare(self) -> None:
        """Read every issuer's keys once. Raises SettingsFileError where a key file cannot be used.

        An address that does not answer yet is only logged: it may be up by the first login.
        """
        for issuer in self._issuers.values():
            try:
                await issuer.source.current()
            except KeysUnavailableError as problem:
                if not issuer.settings.jwks_is_url:
                    raise SettingsFileError(f"issuer {issuer.settings.issuer}: {problem}") from None

    async def close(self) -> None:
        """End what is under way and forget all tokens."""
        self._cache.clear()
        for issuer in self._issuers.values():
            await issuer.source.close()

    async def authenticate(self, password: str, user: str) -> Principal:
        """The principal for a login. Raises AuthenticationError (28P01), whose DETAIL says why in general words."""
        reason = "The token cannot be used."
        try:
            if self._handles is not None and is_handle(password):
                return await self._by_handle(self._handles, password, user)
            return (await self.verify(password)).identity.acting_as(user)
        except TokenRefusedError as refused:
            reason = str(refused)
        # Raised outside of the handler, so that no part of the token hangs on the exception as its context.
        raise AuthenticationError(f'password authentication failed for user "{_shown(user)}"', detail=reason)

    async def _by_handle(self, handles: Handles, handle: str, user: str) -> Principal:
        try:
            found = await handles.find(handle)
        except HandlesUnavailableError as problem:
            logger.warning("a handle could not be looked up: %s", problem)
            raise TokenRefusedError("Handles cannot be looked up now.") from None
        if found is None or self._clock() >= found.identity.expires_at:
            raise TokenRefusedError("The handle is unknown, has expired or was revoked.")
        issuer = self._issuers.get(found.identity.issuer)
        if issuer is None or not (await _keys(issuer.source.current)).holds(found.signing_key):
            raise TokenRefusedError("The handle's token was signed with a key that is not trusted any more.")
        return replace(found.identity.acting_as(user), handle=found.handle_id)

    async def verify(self, token: str) -> Verified:
        """What a token (no handle) says. Raises TokenRefusedError."""
        fingerprint = _fingerprint(token)
        found = self._cache.get(fingerprint)
        if found is None or found.keys is not await _keys(found.issuer.source.current):
            claim = self._claim(token)
            keys = await _keys(claim.issuer.source.current)
            if not keys.candidates(claim.algorithm, claim.key_id):
                keys = await _keys(claim.issuer.source.renewed)
            found = self._remember(fingerprint, _check(token, claim, keys))
        return self._living(fingerprint, found)

    def verify_now(self, token: str) -> Verified:
        """The same without waiting, by the keys that are here; unknown ones are sent for, for the next time."""
        fingerprint = _fingerprint(token)
        found = self._cache.get(fingerprint)
        if found is None or found.keys is not _held(found.issuer):
            claim = self._claim(token)
            keys = _held(claim.issuer)
            if not keys.candidates(claim.algorithm, claim.key_id):
                keys = _held(claim.issuer, renew=True)
            found = self._remember(fingerprint, _check(token, claim, keys))
        return self._living(fingerprint, found)

    def _living(self, fingerprint: bytes, found: Verified) -> Verified:
        if self._clock() >= found.identity.expires_at:
            self._cache.pop(fingerprint, None)
            raise TokenRefusedError("The token has expired.")
        return found

    def _claim(self, token: str) -> _Claim:
        """Whose the token claims to be. Raises TokenRefusedError where that is nobody we know."""
        header, claimed = _unverified(token)
        name = claimed.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise TokenRefusedError("The token's issuer (iss) is missing or not one that is listed in the settings.")
        algorithm = next((a for a in issuer.settings.algorithms if a.value == header.get("alg")), None)
        if algorithm is None:
            raise TokenRefusedError("The token's signature algorithm is not one that is accepted for its issuer.")
        return _Claim(issuer, algorithm, _key_id(header))

    def _remember(self, fingerprint: bytes, found: Verified) -> Verified:
        if len(self._cache) >= _CACHED_TOKENS:
            now = self._clock()
            for old in [f for f, v in self._cache.items() if v.identity.expires_at <= now]:
                del self._cache[old]
        if len(self._cache) >= _CACHED_TOKENS:
            del self._cache[next(iter(self._cache))]  # the one kept longest
        self._cache[fingerprint] = found
        return found


def _fingerprint(token: str) -> bytes:
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefusedError(f"The token is longer than {MAX_TOKEN_BYTES} bytes.")
    if not token.isascii() or token.count(".") != 2:
        raise TokenRefusedError("The password is not a token (JWT).")
    return hashlib.sha256(token.encode("ascii")).digest()


def _check(token: str, claim: _Claim, keys: KeySet) -> Verified:
    settings = claim.issuer.settings
    payload, key = _checked_payload(token, settings, claim.algorithm, keys.candidates(claim.algorithm, claim.key_id))
    identity = read_identity(payload, settings.claims, settings.issuer, settings.leeway_seconds)
    return Verified(claim.issuer, keys, keys.thumbprint(key), identity)


async def _keys(ask: Callable[[], Awaitable[KeySet]]) -> KeySet:
    try:
        return await ask()
    except KeysUnavailableError:
        raise TokenRefusedError(_NO_KEYS) from None


def _held(issuer: _Issuer, *, renew: bool = False) -> KeySet:
    try:
        return issuer.source.held(renew=renew)
    except KeysUnavailableError:
        raise TokenRefusedError(_NO_KEYS) from None


def _unverified(token: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Header and payload as the token claims them: good for finding the issuer and the key, for nothing else."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        raise TokenRefusedError("The password is not a token (JWT).") from None
    return parts["header"], parts["payload"]


def _key_id(header: Mapping[str, object]) -> str | None:
    key_id = header.get("kid")
    if key_id is None or isinstance(key_id, str):
        return key_id
    raise TokenRefusedError("The password is not a token (JWT).")


def _checked_payload(
    token: str, settings: IssuerSettings, algorithm: Algorithm, candidates: tuple[jwt.PyJWK, ...]
) -> tuple[Mapping[str, object], jwt.PyJWK]:
    """The payload and its key, once a candidate verifies the signature and the registered claims hold (RFC 8725)."""
    if not candidates:
        raise TokenRefusedError("The token names a key (kid) that its issuer does not offer for this algorithm.")
    for key in candidates[:_MAX_CANDIDATES]:
        try:
            payload: Mapping[str, object] = jwt.decode(
                token,
                key,
                algorithms=[algorithm.value],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=settings.leeway_seconds,
                options={"require": _REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as problem:
            raise TokenRefusedError(_in_words(problem)) from None
        return payload, key
    raise TokenRefusedError("The token's signature does not fit its issuer's keys.")


def _in_words(problem: Exception) -> str:
    match problem:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidAudienceError():
            return "The token is meant for another audience (aud)."
        case jwt.MissingRequiredClaimError():
            return f'The token lacks the claim "{problem.claim}".'
        case _:
            return "The token is malformed."


def _shown(user: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in user[:_USER_SHOWN])
