"""Logins: which tokens are accepted, which are refused, and what the refusals say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from proxy.errors import AuthenticationError, SettingsFileError
from proxy.identity.authenticator import MAX_TOKEN_BYTES, Authenticator
from proxy.identity.issuer import Algorithm, ClaimNames, IssuerSettings
from proxy.identity.local_issuer import LocalIssuer


@pytest.fixture
def local(tmp_path: Path) -> LocalIssuer:
    """A local issuer with an ES256 key."""
    return LocalIssuer.create(tmp_path / "issuer")


@pytest.fixture
def door(local: LocalIssuer) -> Authenticator:
    """An authenticator that accepts the local issuer's tokens."""
    return Authenticator((local.settings(),))


def token(local: LocalIssuer, **extra: object) -> str:
    """A good token for one analyst, but for the claims given."""
    return local.mint(subject="ada", roles=("analyst",), extra=extra)


async def refusal(door: Authenticator, password: str, user: str = "analyst") -> str:
    """The DETAIL of the refused login, after checking all that holds for every refusal."""
    with pytest.raises(AuthenticationError) as caught:
        await door.authenticate(password, user)
    error = caught.value
    assert error.sqlstate == "28P01"
    assert error.message == f'password authentication failed for user "{user}"'
    assert error.detail is not None
    if len(password) > 8:
        told = "".join(traceback.format_exception(error)) + repr(error) + error.detail
        assert password not in told
        assert all(part not in told for part in password.split(".") if len(part) > 8)
        assert error.__context__ is None
    return error.detail


async def test_good_token(door: Authenticator, local: LocalIssuer) -> None:
    """A good token gives the principal that its claims describe, acting in the role that the user name chose."""
    good = local.mint(subject="ada", roles=("analyst", "clinician"), purpose="research", contract="c-17")
    who = await door.authenticate(good, "clinician")
    assert (who.name, who.user, who.role, who.issuer) == ("ada", "clinician", "clinician", local.issuer)
    assert (who.purpose, who.contract) == ("research", "c-17")
    assert abs(who.expires_at - time.time() - 8 * 3600 - local.settings().leeway_seconds) < 5


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.RS256, Algorithm.EDDSA])
async def test_every_local_algorithm(tmp_path: Path, algorithm: Algorithm) -> None:
    """Tokens of each kind of key are accepted where the issuer lists the algorithm, and refused where it does not."""
    local = LocalIssuer.create(tmp_path / "issuer", algorithm=algorithm)
    assert (await Authenticator((local.settings(),)).authenticate(token(local), "analyst")).role == "analyst"
    other = Algorithm.ES384
    strict = Authenticator((local.settings().model_copy(update={"algorithms": (other,)}),))
    assert "algorithm" in await refusal(strict, token(local))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"exp": int(time.time()) - 3600, "nbf": int(time.time()) - 7200}, "has expired"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"iat": int(time.time()) + 3600}, "not valid yet"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other", "another"]}, "another audience"),
        ({"aud": {"pgveil": 1}}, "another audience"),
        ({"iss": "https://elsewhere.example"}, "issuer (iss)"),
        ({"iss": None}, "issuer (iss)"),
        ({"exp": None}, '"exp"'),
        ({"nbf": None}, '"nbf"'),
        ({"aud": None}, '"aud"'),
        ({"sub": None}, '"sub"'),
        ({"sub": 7}, "malformed"),
        ({"sub": "a\nb"}, "printable"),
        ({"sub": "x" * 300}, "longer than"),
        ({"roles": None}, '"roles"'),
        ({"roles": []}, "names no role"),
        ({"roles": "  "}, "names no role"),
        ({"roles": ["analyst", 3]}, '"roles"'),
        ({"roles": {"analyst": True}}, '"roles"'),
        ({"purpose": 3}, '"purpose" is not a string'),
        ({"contract": ""}, '"contract" is empty'),
        ({"exp": "tomorrow"}, "malformed"),
        ({"exp": "99999999999"}, '"exp" is not a time'),
        ({"exp": True}, "has expired"),
        ({"exp": float("inf")}, "malformed"),
        ({"exp": 10**400}, '"exp" is not a time'),
        ({"nbf": [1]}, "malformed"),
    ],
)
async def test_bad_claims(door: Authenticator, local: LocalIssuer, extra: Mapping[str, object], words: str) -> None:
    """A token whose claims are missing, out of time, meant for others or misshapen is refused with the reason."""
    assert words in await refusal(door, token(local, **extra))


async def test_issuer_that_is_no_string(door: Authenticator, local: LocalIssuer) -> None:
    """An issuer claim that is a list is refused, even if our issuer is in it."""
    listed = forged({"alg": "ES256", "kid": local.key_id}, local, lambda _: b"x" * 64, iss=[local.issuer])
    assert "issuer (iss)" in await refusal(door, listed)


async def test_leeway(local: LocalIssuer) -> None:
    """A token just past its end is accepted within the leeway only."""
    past = token(local, exp=int(time.time()) - 20)
    assert (await Authenticator((local.settings(),)).authenticate(past, "analyst")).role == "analyst"
    exact = Authenticator((local.settings().model_copy(update={"leeway_seconds": 0}),))
    assert "expired" in await refusal(exact, past)


def segment(value: object) -> str:
    """One base64url part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(header: Mapping[str, object], local: LocalIssuer, sign: Callable[[bytes], bytes], **extra: object) -> str:
    """A token with good claims (but for those given), any header, and a signature of the attacker's making."""
    claims = jwt.decode(token(local), options={"verify_signature": False}) | extra
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).rstrip(b'=').decode()}"


def public_pem(local: LocalIssuer) -> bytes:
    """The issuer's public key, as everybody may have it."""
    key = load_pem_private_key((local.folder / "private.pem").read_bytes(), None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("name", ["none", "None", "NONE", "HS256", "HS384", "HS512", "ES256K", "", "RS256", "ES384"])
async def test_algorithm_confusion(door: Authenticator, local: LocalIssuer, name: str) -> None:
    """An algorithm that the issuer does not list is refused, whatever signs: nothing, or the public key as a secret."""
    secret = public_pem(local)

    def sign(data: bytes) -> bytes:
        return b"" if name.lower() == "none" else hmac.new(secret, data, hashlib.sha256).digest()

    header = {"alg": name, "typ": "JWT", "kid": local.key_id}
    assert "algorithm" in await refusal(door, forged(header, local, sign))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": ["ES256"]},
        {"alg": None},
        {},
        {"alg": "ES256", "kid": 5},
        {"alg": "ES256", "crit": ["exp"]},
        {"b64": False},
    ],
)
async def test_odd_headers(door: Authenticator, local: LocalIssuer, header: Mapping[str, object]) -> None:
    """A header without a usable algorithm or with members that must be understood is refused."""
    await refusal(door, forged(header, local, lambda _: b"x" * 64))


async def test_signature_of_another_key(door: Authenticator, local: LocalIssuer, tmp_path: Path) -> None:
    """A token signed by another key is refused, with our key's id, with its own, and with none."""
    other = ec.generate_private_key(ec.SECP256R1())
    claims = jwt.decode(token(local), options={"verify_signature": False})
    ours = jwt.encode(claims, other, algorithm="ES256", headers={"kid": local.key_id})
    unknown = jwt.encode(claims, other, algorithm="ES256", headers={"kid": "unknown"})
    unnamed = jwt.encode(claims, other, algorithm="ES256")
    assert "signature" in await refusal(door, ours)
    assert "(kid)" in await refusal(door, unknown)
    assert "signature" in await refusal(door, unnamed)


async def test_token_without_key_id(door: Authenticator, local: LocalIssuer) -> None:
    """A token that names no key is verified with the issuer's keys that fit."""
    key = load_pem_private_key((local.folder / "private.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    unnamed = jwt.encode(jwt.decode(token(local), options={"verify_signature": False}), key, algorithm="ES256")
    assert (await door.authenticate(unnamed, "analyst")).name == "ada"


async def test_embedded_key_is_ignored(door: Authenticator, local: LocalIssuer) -> None:
    """A key that the token itself brings along (jwk, jku, x5c) is not used."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    claims = jwt.decode(token(local), options={"verify_signature": False})
    brought = jwt.encode(
        claims, other, algorithm="RS256", headers={"jwk": jwk, "jku": "https://evil.example/jwks", "kid": local.key_id}
    )
    assert "algorithm" in await refusal(door, brought)


@pytest.mark.parametrize(
    "password",
    ["", "secret-password", "a.b", "a.b.c", "..", "....", "é.é.é", "\ud800.x.y", "eyJ.eyJ.x", "A" * 400 + ".A.A",
     f"{segment([])}.{segment({})}.AA", f"{segment({'alg': 'ES256'})}.{segment([])}.AA",
     f"{segment({'alg': 'ES256'})}.{'[' * 2000}.AA"],
)  # fmt: skip
async def test_garbage(door: Authenticator, password: str) -> None:
    """Whatever is no token is refused as such, and nothing else happens."""
    await refusal(door, password)


async def test_deep_json(door: Authenticator) -> None:
    """JSON nested beyond the interpreter's depth is refused like other garbage."""
    deep = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    assert "not a token" in await refusal(door, f"{deep}.{segment({})}.AAAA")
    assert "not a token" in await refusal(door, f"{segment({'alg': 'ES256'})}.{deep}.AAAA")


async def test_oversized(door: Authenticator, local: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token beyond 16 kB is refused before anything of it is parsed; one just below is accepted."""
    assert (await door.authenticate(token(local, note="x" * 11000), "analyst")).role == "analyst"
    big = token(local, note="x" * MAX_TOKEN_BYTES)

    def parsed(*_: object, **__: object) -> object:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(jwt, "decode_complete", parsed)
    assert "longer than 16384" in await refusal(door, big)


async def test_role_choice(door: Authenticator, local: LocalIssuer) -> None:
    """The user name must be one of the token's roles, or the subject where there is exactly one role."""
    one = local.mint(subject="ada", roles=("analyst",))
    two = local.mint(subject="ada", roles=("analyst", "clinician"))
    assert (await door.authenticate(one, "analyst")).role == "analyst"
    by_subject = await door.authenticate(one, "ada")
    assert (by_subject.role, by_subject.user) == ("analyst", "ada")
    assert "it has: analyst)" in await refusal(door, one, "clinician")
    assert (await door.authenticate(two, "clinician")).role == "clinician"
    assert "analyst, clinician" in await refusal(door, two, "ada")
    assert "it has" in await refusal(door, one, "Analyst")
    assert "it has" in await refusal(door, one, "")


async def test_subject_that_is_a_role(door: Authenticator, local: LocalIssuer) -> None:
    """A subject that looks like a role gives its bearer nothing: only the roles claim does."""
    sneaky = local.mint(subject="clinician", roles=("analyst", "billing"))
    assert "it has" in await refusal(door, sneaky, "clinician")
    one = local.mint(subject="clinician", roles=("analyst",))
    assert (await door.authenticate(one, "clinician")).role == "analyst"


@pytest.mark.parametrize(
    ("names", "extra"),
    [
        (ClaimNames(roles="groups"), {"groups": ["analyst"], "roles": None}),
        (ClaimNames(roles="scope"), {"scope": "openid analyst  profile", "roles": None}),
        (ClaimNames(roles="realm_access.roles"), {"realm_access": {"roles": ["analyst"]}, "roles": None}),
        (ClaimNames(roles="https://clinic.example/roles"), {"https://clinic.example/roles": ["analyst"]}),
        (ClaimNames(name="email", purpose="ctx.purpose"), {"email": "ada@clinic.example", "ctx": {"purpose": "care"}}),
    ],
)
async def test_claim_names(local: LocalIssuer, names: ClaimNames, extra: Mapping[str, object]) -> None:
    """Roles, name, purpose and contract are read from the claims that the settings name, also along a path."""
    door = Authenticator((local.settings().model_copy(update={"claims": names}),))
    who = await door.authenticate(token(local, **extra), "analyst")
    assert who.role == "analyst"
    assert who.name == extra.get("email", "ada")
    assert who.purpose == ("care" if "ctx" in extra else None)


async def test_claim_path_through_a_string(local: LocalIssuer) -> None:
    """A path that meets something other than an object finds nothing."""
    door = Authenticator((local.settings().model_copy(update={"claims": ClaimNames(roles="roles.list")}),))
    assert '"roles.list"' in await refusal(door, token(local))


async def test_issuers_keep_to_themselves(local: LocalIssuer, tmp_path: Path) -> None:
    """A key of one issuer does not vouch for tokens in another's name."""
    other = LocalIssuer.create(tmp_path / "other", issuer="urn:pgveil:local:other")
    door = Authenticator((local.settings(), other.settings()))
    assert (await door.authenticate(token(other), "analyst")).issuer == "urn:pgveil:local:other"
    assert "(kid)" in await refusal(door, token(other, iss=local.issuer))
    with pytest.raises(SettingsFileError, match="twice"):
        Authenticator((local.settings(), local.settings()))


async def test_cached_token_skips_verification(
    door: Authenticator, local: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token seen before is not verified again, and the role is still chosen anew for each login."""
    good = local.mint(subject="ada", roles=("analyst", "clinician"))
    await door.authenticate(good, "analyst")

    def verified(*_: object, **__: object) -> object:
        raise AssertionError("it was verified again")

    monkeypatch.setattr(jwt, "decode", verified)
    assert (await door.authenticate(good, "clinician")).role == "clinician"
    assert "it has" in await refusal(door, good, "owner")


async def test_cached_token_expires(local: LocalIssuer) -> None:
    """A cached token is refused once it has expired."""
    now = time.time()
    door = Authenticator((local.settings(),), clock=lambda: now)
    good = local.mint(subject="ada", roles=("analyst",), lifetime=timedelta(hours=1))
    who = await door.authenticate(good, "analyst")
    now = who.expires_at - 1
    assert await door.authenticate(good, "analyst") == who
    now = who.expires_at
    assert "expired" in await refusal(door, good)


async def test_cached_token_falls_with_its_key(local: LocalIssuer, tmp_path: Path) -> None:
    """A token verified before is refused when its key is withdrawn."""
    door = Authenticator((local.settings(),))
    good = token(local)
    await door.authenticate(good, "analyst")
    (local.folder / "jwks.json").write_text('{"keys": []}')
    await door._issuers[local.issuer].source.renewed()
    assert "(kid)" in await refusal(door, good)


async def test_cache_is_bounded(door: Authenticator, local: LocalIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of tokens does not outgrow its bound, and holds no token."""
    monkeypatch.setattr("proxy.identity.authenticator._CACHED_TOKENS", 3)
    tokens = [token(local, jti=str(n)) for n in range(6)]
    for one in tokens:
        await door.authenticate(one, "analyst")
    assert len(door._cache) == 3
    assert all(one not in repr(door._cache) for one in tokens)


async def test_prepare(local: LocalIssuer, tmp_path: Path) -> None:
    """A key file that cannot be used is reported before the first login."""
    await Authenticator((local.settings(),)).prepare()
    (tmp_path / "bad.json").write_text("[]")
    for name in ("bad.json", "missing.json"):
        bad = IssuerSettings(issuer="https://idp.example", audience="pgveil", jwks=str(tmp_path / name))
        with pytest.raises(SettingsFileError, match=name):
            await Authenticator((bad,)).prepare()


async def test_hostile_user_name(door: Authenticator) -> None:
    """A user name is shown shortened and on one line, so that it cannot forge log lines or smuggle a token out."""
    with pytest.raises(AuthenticationError) as caught:
        await door.authenticate("x", "a\nb\x1b[2J" + "c" * 500)
    assert caught.value.message == 'password authentication failed for user "a?b?[2J' + "c" * 56 + '"'
