"""The policy: as one file writes it (pydantic), and as all files together mean it (frozen values).

Owns: both shapes. Must not know: YAML, catalogs, SQL. Invariant: a ``Policy`` names only kinds that it defines, and
each of its parts knows the file and line it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from proxy.policy.grammar import MaskSpec, Strict
from proxy.policy.masks import Mask
from proxy.policy.names import Pattern

CLEAR_KIND = "clear"

SafeHarborClass: TypeAlias = Literal[
    "name",
    "geography",
    "date",
    "telephone",
    "fax",
    "email",
    "social_security_number",
    "medical_record_number",
    "health_plan_number",
    "account_number",
    "licence_number",
    "vehicle",
    "device",
    "url",
    "ip_address",
    "biometric",
    "photograph",
    "other",
]


class DomainSpec(Strict):
    """A namespace of tokens: equal values have equal tokens inside of it, and unrelated ones across."""


class KindSpec(Strict):
    """What a value is, and how it is shown when a role says nothing else."""

    mask: MaskSpec
    safe_harbor: Annotated[
        SafeHarborClass | None, Field(description="One of the 18 classes of 45 CFR 164.514(b)(2).")
    ] = None


class TableSpec(Strict):
    """A kind for each column, or ``clear`` for all of them."""

    columns: Literal["clear"] | dict[str, str]


class RoleSpec(Strict):
    """What a role reads and writes, and how it sees kinds and columns."""

    reads: Annotated[list[str], Field(default_factory=list, description="schema.table, schema.* or *")]
    writes: Annotated[list[str], Field(default_factory=list, description="schema.table, schema.* or *")]
    masks: Annotated[
        dict[str, MaskSpec],
        Field(default_factory=dict, description="By column (schema.table.column), by kind, or * for all kinds."),
    ]
    functions: Annotated[
        list[str], Field(default_factory=list, description="schema.function: functions of its own that may be called.")
    ]
    detokenize: Annotated[
        list[str],
        Field(default_factory=list, description="Domains whose tokens it may have turned back, with a reason."),
    ]


class PolicyDocument(Strict):
    """One policy file."""

    version: Literal[1]
    domains: Annotated[dict[str, DomainSpec], Field(default_factory=dict)]
    kinds: Annotated[dict[str, KindSpec], Field(default_factory=dict)]
    tables: Annotated[dict[str, TableSpec], Field(default_factory=dict)]
    roles: Annotated[dict[str, RoleSpec], Field(default_factory=dict)]


@dataclass(frozen=True, slots=True)
class Location:
    """A line of a file: ``path`` as problems print it, ``name`` as rules do."""

    path: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def short(self) -> str:
        """``clinic.yaml:31``."""
        return f"{self.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind and its own mask. ``rule`` is the path of the mask in the policy."""

    name: str
    mask: Mask
    safe_harbor: str | None
    rule: str
    location: Location


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """That a column is of a kind; ``kind`` may be ``clear``."""

    kind: str
    location: Location


@dataclass(frozen=True, slots=True)
class Table:
    """A listed table; ``columns`` None means that all of them are clear."""

    schema: str
    name: str
    columns: Mapping[str, ColumnKind] | None
    location: Location

    @property
    def qualified_name(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class MaskRule:
    """A role's word on a kind or column."""

    mask: Mask
    rule: str
    location: Location

    def __str__(self) -> str:
        return f"{self.rule} ({self.location.short})"


@dataclass(frozen=True, slots=True)
class Grant:
    """One entry of ``reads`` or ``writes``; ``rule`` is its path in the policy."""

    pattern: Pattern
    rule: str
    location: Location


@dataclass(frozen=True, slots=True)
class FunctionGrant:
    """One entry of ``functions``."""

    schema: str
    name: str
    rule: str
    location: Location


@dataclass(frozen=True, slots=True)
class Role:
    """A role. ``column_masks`` by (schema, table, column), ``kind_masks`` by kind, ``other_masks`` for all the rest."""

    name: str
    reads: tuple[Grant, ...]
    writes: tuple[Grant, ...]
    functions: tuple[FunctionGrant, ...]
    column_masks: Mapping[tuple[str, str, str], MaskRule]
    kind_masks: Mapping[str, MaskRule]
    other_masks: MaskRule | None
    detokenize: frozenset[str]
    location: Location

    @property
    def rules(self) -> tuple[MaskRule, ...]:
        """Every mask that the role orders."""
        others = (self.other_masks,) if self.other_masks is not None else ()
        return (*self.column_masks.values(), *self.kind_masks.values(), *others)


@dataclass(frozen=True, slots=True)
class Policy:
    """All files of a policy. ``tables`` by (schema, name); ``clear_schemas`` are the ``schema.*`` entries.

    ``version`` is a digest of the files' names and contents, 12 hexadecimal digits.
    """

    version: str
    kinds: Mapping[str, Kind]
    tables: Mapping[tuple[str, str], Table]
    clear_schemas: Mapping[str, Location]
    roles: Mapping[str, Role]
    domains: Mapping[str, Location]

    @property
    def masks(self) -> tuple[MaskRule, ...]:
        """Every mask that the policy orders, of kinds and of roles."""
        kinds = (MaskRule(kind.mask, kind.rule, kind.location) for kind in self.kinds.values())
        return (*kinds, *(rule for role in self.roles.values() for rule in role.rules))
