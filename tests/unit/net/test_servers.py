"""Which server is tried when, and which will do."""

from __future__ import annotations

import pytest

from proxy.net.servers import ServerAddress, Target, TryOrder

A, B, C = (ServerAddress(name, 5432) for name in "abc")


def test_what_failed_lately_is_tried_last() -> None:
    """The order of the settings holds, but a login does not wait for a server that was not there a moment ago."""
    now = 100.0
    order = TryOrder((A, B, C), lambda: now)
    assert order.now() == (A, B, C)
    order.failed(A)
    assert order.now() == (B, C, A)
    order.failed(B)
    assert order.now() == (C, A, B)
    order.succeeded(A)
    assert order.now() == (A, C, B)
    now += 16
    assert order.now() == (A, B, C)


@pytest.mark.parametrize(
    ("target", "standby", "read_only", "fits"),
    [
        (Target.ANY, "on", "on", True),
        (Target.PRIMARY, "off", "on", True),
        (Target.PRIMARY, "on", "off", False),
        (Target.STANDBY, "on", "on", True),
        (Target.STANDBY, "off", "on", False),
        (Target.READ_WRITE, "off", "off", True),
        (Target.READ_WRITE, "off", "on", False),
        (Target.READ_WRITE, "on", "off", False),
        (Target.READ_ONLY, "on", "off", True),
        (Target.READ_ONLY, "off", "on", True),
        (Target.READ_ONLY, "off", "off", False),
    ],
)
def test_what_will_do(target: Target, standby: str, read_only: str, *, fits: bool) -> None:
    """A server is judged by what it reports, as libpq does."""
    parameters = {"in_hot_standby": standby, "default_transaction_read_only": read_only}
    assert target.fits(parameters, asked_read_only=False) is fits


def test_a_wish_of_the_client_says_nothing_about_the_server() -> None:
    """A client that asks for read-only transactions still finds a server that can write."""
    parameters = {"in_hot_standby": "off", "default_transaction_read_only": "on"}
    assert Target.READ_WRITE.fits(parameters, asked_read_only=True)
    assert not Target.READ_ONLY.fits(parameters, asked_read_only=True)


def test_preferring_a_standby() -> None:
    """Without a standby any server will do, in a second round."""
    assert Target.PREFER_STANDBY.choices == (Target.STANDBY, Target.ANY)
    assert Target.PRIMARY.choices == (Target.PRIMARY,)


def test_socket_folders() -> None:
    """A folder is a Unix socket's, with the port in its name."""
    assert ServerAddress("/run/postgresql", 5433).socket_path == "/run/postgresql/.s.PGSQL.5433"
    assert A.socket_path is None
