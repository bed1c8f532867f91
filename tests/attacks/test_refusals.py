"""A refusal is decided before anything about the statement is sent upstream, so its timing tells nothing of the data.

Must not know: the database's rows; no server is asked. Invariant: in the refused statement's place goes one text, the
same for all.
"""

from __future__ import annotations

import pytest

from proxy.planner.planner import Planner
from proxy.session.conversation import Conversation
from proxy.session.scripts import FAILING_STATEMENT
from proxy.wire.frontend import SYNC_MESSAGE, Parse, Query
from tests.attacks.attack_files import Attack, Ends, load_attacks
from tests.attacks.conftest import Ward
from tests.support.fake_planning import FakeWatching
from tests.support.postgres import VERSION

BY_THE_SERVER = "whole_rows: the denied field two levels deep"  # which does not find it in the masked row
REFUSED = [
    attack
    for attack in load_attacks(VERSION)
    if attack.ends is Ends.REFUSED
    and len(attack.steps) == 1
    and ";" not in attack.steps[0]
    and attack.name != BY_THE_SERVER
]


@pytest.mark.parametrize("attack", REFUSED, ids=lambda a: a.name)
def test_upstream_sees_only_what_must_fail(ward: Ward, attack: Attack) -> None:
    """By either protocol, and before the server has answered anything."""
    role = ward.policy.role(attack.role)
    assert role is not None
    planner = Planner(ward.policy, role)
    failing = (Query(FAILING_STATEMENT.encode()).encode(), Parse(b"", FAILING_STATEMENT.encode(), ()).encode())
    text = attack.steps[0].encode()
    messages = (Query(text).encode(), Parse(b"", text, ()).encode())
    for message, expected in zip(messages, failing, strict=True):
        sent, watching = bytearray(), FakeWatching()
        conversation = Conversation(
            planning=planner,  # type: ignore[arg-type]  # no columns of the ward are tokens
            watching=watching,
            to_client=bytearray().extend,
            to_upstream=sent.extend,
            clock=lambda: 0.0,
            search_path=("public",),
        )
        conversation.client_bytes(message + SYNC_MESSAGE)
        assert watching.refusals
        assert bytes(sent).removesuffix(SYNC_MESSAGE) == expected


def test_there_are_enough() -> None:
    """Refused attacks of one statement."""
    assert len(REFUSED) > 80
