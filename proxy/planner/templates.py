"""Plans for whole shapes: BI tools and simple-protocol drivers write their values into the text.

Owns: a plan's text with the places where constants go, and the proof that they may. Must not know: policy, sqlglot.
Invariant: a constant is put only where a stand-in of the same class stood once in the verified text, so that the result
is the verified statement but for that constant.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from proxy.planner.constants import Shape, with_constants
from proxy.planner.plan import Decision, Plan


@dataclass(frozen=True, slots=True)
class Template:
    """A plan and its text as a format (``%s``) for constants; ``order`` says which of them goes where."""

    plan: Plan
    text: str
    order: tuple[int, ...]

    def fill(self, text: str, constants: tuple[str, ...]) -> Plan:
        """The plan for a text of the same shape with these constants."""
        if self.plan.decision is not Decision.PASSED:
            text = self.text % tuple([constants[index] for index in self.order])
        return _with_text(self.plan, text)


def _with_text(plan: Plan, text: str) -> Plan:
    """``dataclasses.replace`` at a third of its price: this runs for every statement of a known shape."""
    return Plan(
        text,
        plan.decision,
        plan.kind,
        plan.fingerprint,
        plan.relations,
        plan.columns,
        plan.origins,
        plan.tokens,
        plan.token_parameters,
        plan.copy_format,
        plan.effects,
        plan.touches_protected,
        plan.policy_version,
        plan.inner,
        plan.portal,
        plan.prepared,
        plan,
    )


def make_template(
    plan: Plan,
    shape: Shape,
    constants: tuple[str, ...],
    free: frozenset[int],
    plan_text: Callable[[str], Plan],
) -> Template | None:
    """The template for ``plan``, whose text had these constants; None where it cannot be proven.

    ``plan_text`` plans the stand-ins' text; it may raise a refusal, which is for the caller.
    """
    if plan.decision is Decision.PASSED:
        return Template(plan, "", ())
    stand_ins = {index: _stand_in(shape[2 * index + 1]) for index in free}
    probe = tuple(stand_ins.get(i, constant) for i, constant in enumerate(constants))
    planned = plan_text(with_constants(shape, probe))
    places = sorted((planned.text.find(s), i) for i, s in stand_ins.items())
    if any(at < 0 or planned.text.count(stand_ins[i]) != 1 for at, i in places):
        return None
    pieces, end = [], 0
    for at, index in places:
        pieces.append(planned.text[end:at])
        end = at + len(stand_ins[index])
    pieces.append(planned.text[end:])
    template = Template(plan, "%s".join(piece.replace("%", "%%") for piece in pieces), tuple(i for _, i in places))
    # The same statement by both ways must be the same text, and everything else in the plan the same.
    by_template = template.fill("", constants)
    same = by_template.text == plan.text and replace(planned, text="") == replace(plan, text="")
    return template if same else None


def _stand_in(kind: str) -> str:
    """A constant of that class that occurs nowhere else."""
    if kind == "0":
        return str(100_000_000 + secrets.randbelow(899_999_999))
    return f"'{secrets.token_hex(12)}'"
