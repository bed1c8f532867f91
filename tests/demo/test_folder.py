"""Ports of the demo."""

from __future__ import annotations

import socket

from proxy.demo.folder import HOST, choose_port


def test_the_usual_port_unless_taken() -> None:
    """The port asked for is kept; the usual one gives way to a free one when another program has it."""
    assert choose_port(6432, 1) == 6432
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert choose_port(None, taken) != taken
