"""Who asks, for conversations without tokens that anybody signed.

Owns: hints that are taken at their word. Must not know: the wire, the session.
Invariant: another asker is another policy of the fake planner, which is seen in what it rewrites.
"""

from __future__ import annotations

from proxy.errors import PolicyRefusal
from proxy.session.hints import Hint
from tests.support.fake_planning import FakePlanning

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln-_bmF0"
LOGIN = "login"


class FakeHints:
    """A hint's role is who asks; ``forger`` is not accepted."""

    login = LOGIN

    def __init__(self, planning: FakePlanning) -> None:
        self._planning = planning
        self._policies: dict[object, int] = {LOGIN: planning.policy}
        self.in_force: object = LOGIN

    def asker(self, hint: Hint) -> object:
        """The role, or ``somebody``."""
        if hint.role == "forger":
            raise PolicyRefusal("the token is not accepted", reason="hint")
        return hint.role or "somebody"

    def act_as(self, asker: object) -> None:
        """Plan under the asker's own policy."""
        self.in_force = asker
        self._planning.policy = self._policies.setdefault(asker, 10 * (len(self._policies) + 1))


def hint(role: str = "") -> str:
    """The comment that says who asks."""
    return f"/* pgveil: {role} {TOKEN} */" if role else f"/* pgveil: {TOKEN} */"
