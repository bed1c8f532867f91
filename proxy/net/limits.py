"""How much of everything a proxy takes before it says no.

Owns: the limits and the reasons for their defaults. Must not know: who reaches them.
Invariant: every wait has an end and every buffer a size.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds, sizes in bytes.

    ``max_sessions``: each session holds one upstream connection; well above Postgres' own default of 100.
    ``max_logins``: connections that are not sessions yet. They cost a socket and a few kB, and are cheap to open for
    anyone, so they have a limit of their own and cannot use up the sessions'.
    ``login_seconds``: from the first byte to ReadyForQuery; long enough for an issuer's keys to be fetched.
    ``connect_seconds``: for reaching and logging in to the upstream, a part of the former.
    ``max_message_bytes``: statements of 3 MB and rows of 5 MB occur; what is longer would have to be held in memory.
    ``password_bytes``: tokens of 8 kB are common where groups are listed as claims; 16 kB is the documented maximum.
    ``write_buffer_bytes``: what may wait for a slow reader before the other side is no longer read. More costs memory
    for each session, less costs throughput: uvloop reads up to 256 kB at once.
    ``drain_seconds``: how long a statement may still run after SIGTERM; orchestrators kill after 30 seconds or more.
    ``linger_seconds``: how long the last bytes may take to reach a peer that is being sent away.
    ``cancel_seconds``: for passing on a cancel request.
    """

    max_sessions: int = 500
    max_logins: int = 500
    login_seconds: float = 15.0
    connect_seconds: float = 10.0
    max_message_bytes: int = 64 * 1024 * 1024
    password_bytes: int = 16 * 1024
    write_buffer_bytes: int = 256 * 1024
    drain_seconds: float = 25.0
    linger_seconds: float = 3.0
    cancel_seconds: float = 10.0
