"""Options of the sockets on either side.

Owns: what is set on every connection. Must not know: protocols, sessions.
Invariant: a peer that vanished without a word is noticed within minutes, and no small message waits for another.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final

_IDLE_SECONDS: Final = 60
_PROBE_SECONDS: Final = 15
_PROBES: Final = 4


def tune(transport: asyncio.Transport) -> None:
    """Set no-delay and keep-alive on a TCP connection; a Unix socket needs neither."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", _IDLE_SECONDS), ("TCP_KEEPINTVL", _PROBE_SECONDS), ("TCP_KEEPCNT", _PROBES)):
        if hasattr(socket, option):  # macOS names the first one otherwise
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def peer_address(transport: asyncio.Transport) -> str | None:
    """The peer's IP address; None on a Unix socket, and where it was gone before it could be asked for."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else None


def is_loopback(transport: asyncio.Transport) -> bool:
    """Whether the peer is on this machine: a Unix socket or a loopback address."""
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_UNIX:
        return True
    peer = transport.get_extra_info("peername")
    if not peer:
        return False
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
