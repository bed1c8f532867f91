"""Cancel keys: good for their session, as long as it lasts, and for nothing else."""

from __future__ import annotations

import pytest

from proxy.net.cancel import CancelKeys
from proxy.net.servers import ServerAddress
from proxy.wire.frontend import CancelRequest

SERVER = ServerAddress("db", 5432, "10.0.0.1")
OTHER = ServerAddress("db", 5432, "10.0.0.2")


@pytest.mark.parametrize(("minor", "size"), [(0, 4), (1, 4), (2, 32)])
def test_key_size_follows_the_protocol(minor: int, size: int) -> None:
    """Protocol 3.0 has room for four bytes; 3.2 gets a key that cannot be guessed at all."""
    key = CancelKeys().issue(minor=minor, server=SERVER, upstream=CancelRequest(1, b"up"))
    assert len(key.secret) == size
    assert 0 < key.process_id < 2**31


def test_right_key_gives_the_upstreams() -> None:
    """The client's key stands for the upstream's own, on the server where the session is."""
    keys = CancelKeys()
    first = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"))
    second = keys.issue(minor=2, server=OTHER, upstream=CancelRequest(22, b"2222"))
    assert keys.upstream_request(first.process_id, first.secret) == (SERVER, CancelRequest(11, b"1111"))
    assert keys.upstream_request(second.process_id, second.secret) == (OTHER, CancelRequest(22, b"2222"))


def test_wrong_keys_give_nothing() -> None:
    """Neither a wrong secret, nor a secret of another session, nor the upstream's own key cancels anything."""
    keys = CancelKeys()
    first = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"))
    second = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(22, b"2222"))
    assert keys.upstream_request(first.process_id, first.secret + b"\0") is None
    assert keys.upstream_request(first.process_id, b"") is None
    assert keys.upstream_request(first.process_id, second.secret) is None
    assert keys.upstream_request(11, b"1111") is None


def test_key_ends_with_its_session() -> None:
    """A key withdrawn is a wrong key."""
    keys = CancelKeys()
    key = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"))
    keys.withdraw(key)
    keys.withdraw(key)
    assert keys.upstream_request(key.process_id, key.secret) is None


def test_used_keys_are_remembered() -> None:
    """A session that somebody cancelled is told from one that nobody did, or tried to with a wrong key."""
    keys = CancelKeys()
    first = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"))
    second = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(22, b"2222"))
    keys.upstream_request(first.process_id, first.secret)
    keys.upstream_request(second.process_id, first.secret)
    assert (keys.withdraw(first), keys.withdraw(second), keys.withdraw(first)) == (True, False, False)


def test_keys_stay_out_of_reprs() -> None:
    """A key in a log would let its reader cancel."""
    key = CancelKeys().issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"))
    assert repr(key.secret) not in repr(key)


def test_sessions_of_one_owner() -> None:
    """The process id is enough for sessions of the same owner, as long as they last, and for nobody else."""
    keys = CancelKeys()
    mine = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(11, b"1111"), owner=("issuer", "ada", "analyst"))
    nobodys = keys.issue(minor=0, server=SERVER, upstream=CancelRequest(22, b"2222"))
    assert keys.request_of_owner(mine.process_id, ("issuer", "ada", "analyst")) == (SERVER, CancelRequest(11, b"1111"))
    for other in (("issuer", "ada", "billing"), ("issuer", "eve", "analyst"), ("other", "ada", "analyst"), None):
        assert keys.request_of_owner(mine.process_id, other) is None
    assert keys.request_of_owner(nobodys.process_id, None) is None
    assert keys.request_of_owner(11, ("issuer", "ada", "analyst")) is None
    assert keys.withdraw(mine)  # a request may be on its way
    assert keys.request_of_owner(mine.process_id, ("issuer", "ada", "analyst")) is None
