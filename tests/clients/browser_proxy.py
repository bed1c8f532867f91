"""The proxy that the tools in the browser are connected to, and what must hold when they are done.

Owns: the role ``dashboards``, its token, and the checks on what was received and what the proxy wrote down. Must not
know: the tools. Invariant: the database has the same few hundred patients as for all other tests.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.clients.cleartext import columns_seen, protected_values
from tests.support.postgres import Clinic
from tests.support.proxy_process import POLICIES, ProxyProcess, copied_database, run_proxy

ROLE: Final = "dashboards"
TOKEN_START: Final = "bi_1_"  # domain and epoch
_POLICY: Final = Path(__file__).parent / "superset" / "policy.yaml"
_GROUPS: Final = 2600  # letters of a claim, which make the token one of about 4 kB


@dataclass(frozen=True, slots=True)
class BrowserProxy:
    """A running proxy and what is stored behind it."""

    proxy: ProxyProcess
    stored: Mapping[str, str] = field(repr=False)

    @property
    def password(self) -> str:
        """A service token, as long as identity providers make them."""
        extra = {"groups": "g" * _GROUPS}
        return self.proxy.issuer.mint(subject="bi@example.org", roles=(ROLE,), extra=extra)

    def check(self, received: Iterable[str], *, refused: AbstractSet[str] = frozenset()) -> None:
        """Nothing in clear was received, something was kept from being so, and nothing that this role sent was refused
        but what is in ``refused`` (the messages).
        """
        assert columns_seen(self.stored, received) == frozenset()
        journal = [record for record in self.proxy.journal() if record.get("role") == ROLE]
        assert {record["message"] for record in journal if record["type"] == "refusal"} <= refused
        assert not [record for record in journal if record["type"] == "login" and record["result"] != "accepted"]
        assert any(record.get("decision") == "rewritten" for record in journal)
        assert self.proxy.metric("pgveil_out_of_step_total") == 0


@contextmanager
def run_browser_proxy(
    folder: Path, clinic: Clinic, database: str, *, sections: Mapping[str, object] | None = None
) -> Iterator[BrowserProxy]:
    """Start the proxy in front of a copy of the clinic, with further ``sections`` of the settings."""
    policy = folder / "policy"
    policy.mkdir()
    for file in sorted(POLICIES[0].glob("*.yaml")):
        shutil.copy(file, policy / file.name)
    shutil.copy(_POLICY, policy / "dashboards.yaml")
    with (
        copied_database(clinic, database) as copy,
        run_proxy(folder / "proxy", clinic, policy=policy, database=copy, keys=True, sections=sections) as proxy,
    ):
        yield BrowserProxy(proxy, protected_values(clinic))
