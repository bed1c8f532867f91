"""The same statement as several roles, side by side.

Owns: the statements that the demo shows, and how their answers are drawn. Must not know: how an answer comes about.
Invariant: every role is asked the very same text; what fits into 120 columns stays side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table

from proxy.demo.clinic import Answer, Server, ask

WIDTH = 120
ROLES = ("clinician", "billing", "analyst", "partner_acme")
_HOUSE = ROLES[:3]
_FROM_BEFORE = "{token}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A statement and who asks it. ``{token}`` in it stands for what the last role of the scene before saw first."""

    sql: str
    roles: tuple[str, ...] = _HOUSE

    def text(self, token: str) -> str:
        """The statement with that value in its place."""
        return self.sql.replace(_FROM_BEFORE, token.replace("'", "''"))


SCENES = (
    Scene("""\
SELECT first_name AS first, ssn, dob, zip
FROM clinic.patients
WHERE patient_id BETWEEN 38 AND 45
ORDER BY patient_id"""),
    Scene("""\
SELECT zip, count(*) AS patients, min(dob) AS oldest
FROM clinic.patients
WHERE state IN ('VT', 'WY')
GROUP BY zip
ORDER BY patients DESC, zip
LIMIT 5"""),
    Scene("""\
-- encounters and claims, joined on tokens: by medical record number, and by member number
SELECT mrn, count(DISTINCT e.encounter_id) AS stays, sum(DISTINCT c.paid) AS paid
FROM clinic.encounters e JOIN clinic.patients p USING (mrn) JOIN clinic.claims c ON c.member_id = p.insurance_id
WHERE e.kind = 'inpatient'
GROUP BY mrn
ORDER BY paid DESC NULLS LAST, stays
LIMIT 3"""),
    Scene(
        """\
-- a token out of that result finds the patient again; it means nothing to those who see other values
SELECT kind, count(*) AS encounters
FROM clinic.encounters
WHERE mrn = '{token}'
GROUP BY kind
ORDER BY kind""",
        roles=("analyst", "clinician", "partner_acme"),
    ),
    Scene(
        """\
-- the same patients for a partner: tokens of its own, which cannot be linked with the analyst's
SELECT mrn, count(*) AS encounters
FROM clinic.encounters
GROUP BY mrn, patient_id
ORDER BY encounters DESC, patient_id
LIMIT 3""",
        roles=("analyst", "partner_acme"),
    ),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One statement and each role's answer to it."""

    sql: str
    answers: Mapping[str, Answer]

    @property
    def complete(self) -> bool:
        """Whether every role got rows."""
        return all(answer.error is None for answer in self.answers.values())

    def first_of(self, role: str) -> str | None:
        """The first value of a role's answer, None where it has none."""
        rows = self.answers[role].rows
        return str(rows[0][0]) if rows else None


async def compare(clients: Mapping[str, Server], sql: str) -> Comparison:
    """Ask as each role; ``clients`` are the connection parameters by role."""
    return Comparison(sql, {role: await ask(client, sql) for role, client in clients.items()})


def show(console: Console, comparison: Comparison) -> None:
    """Draw the statement and the answers."""
    console.print(comparison.sql, style="bold", markup=False)
    console.print()
    tables = [_drawn(role, answer) for role, answer in comparison.answers.items()]
    widths = [Measurement.get(console, console.options, table).maximum for table in tables]
    if sum(widths) + 2 * (len(tables) - 1) <= console.width:
        beside = Table.grid(padding=(0, 2, 0, 0))
        beside.add_row(*tables)
        console.print(beside)
    else:
        console.print(*tables, sep="\n")
    console.print()


def _drawn(role: str, answer: Answer) -> Table | Panel:
    if answer.error is not None:
        return Panel(answer.error, title=role, width=WIDTH // len(_HOUSE) - 2, style="red")
    table = Table(title=role, title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for position, name in enumerate(answer.columns):
        numeric = any(isinstance(row[position], int | float) for row in answer.rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in answer.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: object) -> str:
    return "[dim]∅[/dim]" if value is None else str(value).replace("[", r"\[")
