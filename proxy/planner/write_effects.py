"""What a write does beside its table: foreign keys that ask or change other tables, and functions that run unasked.

Owns: following those from a table that a restricted role writes, and their refusal. Must not know: SQL text, the wire.
Invariant: whether a write succeeds depends on nothing that the role may not see, and it changes no masked table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from proxy.catalog.snapshot import ForeignKey, ReferentialAction, Relation, Snapshot
from proxy.errors import PolicyRefusal, Refusal, UnsupportedRefusal
from proxy.planner.references import Change
from proxy.policy.bound import BoundRole
from proxy.policy.masks import Clear

_ASKS_ONLY: Final = frozenset({ReferentialAction.NO_ACTION, ReferentialAction.RESTRICT})


def check_write(target: Relation, change: Change, snapshot: Snapshot, role: BoundRole) -> None:
    """Refuse a write whose outcome tells what the role may not see (manual, 5.5.5), or that changes such a table.

    Raises UnsupportedRefusal, or PolicyRefusal for a function that the role may not use. A role that sees everything
    may do what the database lets it do.
    """
    if role.restricted:
        _Effects(target, snapshot, role).follow(target, change)


@dataclass(slots=True)
class _Effects:
    """The walk from ``target`` along the keys that change further tables."""

    target: Relation
    snapshot: Snapshot
    role: BoundRole
    done: set[tuple[int, Change]] = field(default_factory=set)

    def follow(self, relation: Relation, change: Change) -> None:
        if (relation.oid, change) in self.done:
            return
        self.done.add((relation.oid, change))
        if relation.has_write_rules:
            raise self._refused(f"{relation.qualified_name} has rules, which run statements that pgveil does not see.")
        for holder in self.snapshot.family([relation]).values():  # a write reaches all of them
            for schema, name in sorted(holder.write_calls):
                if f"{schema}.{name}" not in self.role.functions:
                    raise self._calls(holder, f"{schema}.{name}")
            for key in holder.foreign_keys:
                self._key(key, holder, change, whole=holder is not relation or bool(holder.write_calls))

    def _key(self, key: ForeignKey, holder: Relation, change: Change, *, whole: bool) -> None:
        """``whole``: an update may touch columns that it does not name (triggers, moves between partitions)."""
        if key.table == holder.oid and (change.inserts or _updates(change, holder, key.columns, whole=whole)):
            self._asks(key, key.referenced, key.referenced_columns)
        if key.referenced != holder.oid:
            return
        moves = whole and bool(change.updates)
        if change.deletes or moves:
            self._answers(key, key.on_delete, Change(deletes=key.on_delete is ReferentialAction.CASCADE))
        if _updates(change, holder, key.referenced_columns, whole=whole):
            self._answers(key, key.on_update, Change())

    def _answers(self, key: ForeignKey, action: ReferentialAction, change: Change) -> None:
        """What the tables that refer to a changed row do."""
        self._asks(key, key.table, key.columns)
        if action in _ASKS_ONLY:
            return
        changed = self.snapshot.by_oid[key.table]
        if not self.role.access(changed).clear:
            raise self._refused(
                f"The foreign key {self._named(key)} would change rows of {changed.qualified_name}, which holds "
                "columns that are masked for this role."
            )
        self.follow(changed, change if change.deletes else Change(updates=frozenset(key.columns)))

    def _asks(self, key: ForeignKey, oid: int, columns: tuple[str, ...]) -> None:
        """The outcome tells which values these columns hold."""
        asked = self.snapshot.by_oid.get(oid)
        access = self.role.access(asked) if asked is not None else None
        clear = {d.column.name for d in access.columns if isinstance(d.mask, Clear)} if access is not None else set()
        if access is None or not access.readable or not clear.issuperset(columns):
            name = asked.qualified_name if asked is not None else "a table that is not known"
            raise self._refused(
                f"Whether the write succeeds would tell which values {name} ({', '.join(columns)}) holds, which this "
                f"role does not see: the foreign key {self._named(key)} asks for them."
            )

    def _named(self, key: ForeignKey) -> str:
        ends = [
            f"{relation.qualified_name if relation is not None else '?'} ({', '.join(columns)})"
            for relation, columns in (
                (self.snapshot.by_oid.get(key.table), key.columns),
                (self.snapshot.by_oid.get(key.referenced), key.referenced_columns),
            )
        ]
        return f"{key.name} of {ends[0]} to {ends[1]}"

    def _refused(self, detail: str) -> Refusal:
        return UnsupportedRefusal(
            f"{self.target.qualified_name} cannot be written by the role {self.role.name}",
            reason="write",
            detail=detail,
            hint=f"A policy can show the role those columns in clear; else leave the table out of "
            f"roles.{self.role.name}.writes.",
        )

    def _calls(self, holder: Relation, function: str) -> Refusal:
        return PolicyRefusal(
            f"{self.target.qualified_name} cannot be written by the role {self.role.name}",
            reason="function",
            detail=f"A trigger, constraint, default or index of {holder.qualified_name} calls {function}, which is not "
            "on the list of functions that every role may call.",
            hint=f"A policy can list it under roles.{self.role.name}.functions.",
        )


def _updates(change: Change, holder: Relation, columns: tuple[str, ...], *, whole: bool) -> bool:
    if not change.updates:
        return False
    computed = any((column := holder.column(name)) is None or column.generated for name in columns)
    return whole or computed or not change.updates.isdisjoint(columns)
