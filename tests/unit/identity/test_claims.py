"""Reading claims: shapes at their edges (whole tokens are tried in test_authenticator)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.identity.claims import TokenRefusedError, read_identity
from proxy.identity.issuer import ClaimNames

GOOD: dict[str, object] = {"sub": "ada", "roles": ["b", "a", "b"], "exp": 2_000_000_000}


def test_reading() -> None:
    """Roles keep their order without doubles; the end includes the leeway."""
    who = read_identity(GOOD, ClaimNames(), "i", 30)
    assert who.roles == ("b", "a")
    assert who.expires_at == 2_000_000_030
    assert who.subject == who.name == "ada"


def test_long_role_list_is_not_told_in_full() -> None:
    """The refusal lists some of the token's roles, not hundreds."""
    who = read_identity(GOOD | {"roles": [f"r{n}" for n in range(200)]}, ClaimNames(), "i", 0)
    with pytest.raises(TokenRefusedError, match=r"r9, …\)"):
        who.acting_as("nobody")


def test_token_without_subject() -> None:
    """Where another claim names the bearer a token needs no subject, but then no user name can equal it."""
    who = read_identity({"email": "a@b", "roles": "x", "exp": 5}, ClaimNames(name="email"), "i", 0)
    assert (who.name, who.subject) == ("a@b", None)
    assert who.acting_as("x").role == "x"
    with pytest.raises(TokenRefusedError):
        who.acting_as("a@b")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(change=st.dictionaries(st.sampled_from(["sub", "roles", "exp", "purpose", "contract"]), values))
def test_any_claims(change: dict[str, object]) -> None:
    """Whatever the claims hold, the outcome is an identity of the stated shape or a refusal."""
    try:
        who = read_identity(GOOD | change, ClaimNames(), "i", 0)
    except TokenRefusedError:
        return
    assert who.roles
    assert all(isinstance(role, str) and role for role in who.roles)
