"""Plans for whole shapes: BI tools and simple-protocol drivers write their values into the text.

Owns: a plan's text with the places where constants go, and the proof that they may. Must not know: policy, sqlglot.
Invariant: a constant is put only where a stand-in of the same class stood in the verified text, in the form that the
stand-in had there (a token as what it stands for), so that the result is the verified statement but for that constant.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from proxy.planner.constants import Shape, with_constants
from proxy.planner.plan import Decision, Plan
from proxy.tokens.types import TokenType

Stored: TypeAlias = Callable[[TokenType, str], str]
"""What goes upstream for a constant (as SQL) that is a token of that type."""


@dataclass(frozen=True, slots=True)
class Template:
    """A plan and its text as a format (``%s``) for constants; ``order`` says which of them goes where.

    ``tokens`` says of each place what tokens stand there, None where it is none; empty where there is no such place.
    """

    plan: Plan
    text: str
    order: tuple[int, ...]
    tokens: tuple[TokenType | None, ...] = ()
    stored: Stored | None = field(default=None, repr=False)

    def fill(self, text: str, constants: tuple[str, ...]) -> Plan:
        """The plan for a text of the same shape with these constants."""
        if self.plan.decision is not Decision.PASSED:
            placed = [constants[index] for index in self.order]
            if self.stored is not None and self.tokens:
                placed = [
                    constant if tokens is None else self.stored(tokens, constant)
                    for tokens, constant in zip(self.tokens, placed, strict=True)
                ]
            text = self.text % tuple(placed)
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
        plan.arguments,
        plan.copy_format,
        plan.effects,
        plan.touches_protected,
        plan.policy_version,
        plan.inner,
        plan.portal,
        plan.prepared,
        plan.token_literals,
        plan.any_path,
        plan,
    )


def make_template(
    plan: Plan,
    shape: Shape,
    constants: tuple[str, ...],
    free: frozenset[int],
    plan_text: Callable[[str], Plan],
    stored: Stored | None = None,
) -> Template | None:
    """The template for ``plan``, whose text had these constants; None where it cannot be proven.

    ``plan_text`` plans the stand-ins' text; it may raise a refusal, which is for the caller. ``stored`` is None where
    there are no tokens.
    """
    if plan.decision is Decision.PASSED:
        return Template(plan, "", ())
    stand_ins = {index: _stand_in(shape[2 * index + 1]) for index in free}
    probe = tuple(stand_ins.get(i, constant) for i, constant in enumerate(constants))
    planned = plan_text(with_constants(shape, probe))
    tokens = {index: planned.token_literals.get(stand_in.strip("'")) for index, stand_in in stand_ins.items()}
    sent = {i: s if (t := tokens[i]) is None or stored is None else stored(t, s) for i, s in stand_ins.items()}
    places = sorted((at, index) for index, text in sent.items() for at in _finds(planned.text, text))
    found = [index for _, index in places]
    # A token may stand in several places of a sort key; whatever else stands in two is not where it seems to be.
    if set(found) != set(sent) or any(found.count(i) > 1 and tokens[i] is None for i in sent):
        return None
    pieces, end = [], 0
    for at, index in places:
        pieces.append(planned.text[end:at])
        end = at + len(sent[index])
    pieces.append(planned.text[end:])
    kinds = tuple(tokens[index] for index in found)
    form = "%s".join(piece.replace("%", "%%") for piece in pieces)
    template = Template(plan, form, tuple(found), kinds if any(kinds) else (), stored)
    # The same statement by both ways must be the same text, and everything else in the plan the same.
    by_template = template.fill("", constants)
    same = by_template.text == plan.text and replace(planned, text="") == replace(plan, text="")
    return template if same else None


def _finds(text: str, part: str) -> list[int]:
    """Where ``part`` occurs."""
    places, at = [], text.find(part)
    while at >= 0:
        places.append(at)
        at = text.find(part, at + len(part))
    return places


def _stand_in(kind: str) -> str:
    """A constant of that class that occurs nowhere else."""
    if kind == "0":
        return str(100_000_000 + secrets.randbelow(899_999_999))
    return f"'{secrets.token_hex(12)}'"
