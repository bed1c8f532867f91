"""What each role sees of a few patients under the worked example's policy, written out by hand.

Owns: the expectations of the client tests. Must not know: the proxy, the policy's files.
Invariant: every restricted role's view differs from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from tests.support.postgres import Clinic


@dataclass(frozen=True, slots=True)
class Seen:
    """Five columns of ``clinic.patients``, in this order."""

    ssn: str | None
    last_name: str | None
    dob: date
    zip: str | None
    phone: str | None


def _clinician(stored: Seen) -> Seen:
    return stored


def _billing(stored: Seen) -> Seen:
    """The last four of the social security number, all else in clear."""
    return replace(stored, ssn=None if stored.ssn is None else f"***-**-{stored.ssn[-4:]}")


def _analyst(stored: Seen) -> Seen:
    """The month of birth and the first three digits of the ZIP code."""
    area = None if stored.zip is None else f"{stored.zip[:3]}00"
    sparse = area is not None and area[:3] in _SPARSE
    return Seen(None, None, stored.dob.replace(day=1), "00000" if sparse else area, None)


_SPARSE: Final = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
ROLES: Final = ("clinician", "billing", "analyst")
SEEN: Final[Mapping[str, Callable[[Seen], Seen]]] = {"clinician": _clinician, "billing": _billing, "analyst": _analyst}


def stored_patients(clinic: Clinic, last: int) -> list[Seen]:
    """The patients 1 to ``last`` as they are stored."""
    text = "SELECT ssn, last_name, dob, zip, phone FROM clinic.patients WHERE patient_id <= %s ORDER BY patient_id"
    with clinic.connect() as connection:
        return [Seen(*row) for row in connection.execute(text, [last])]
