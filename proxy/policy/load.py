"""Policy files into a policy: all or nothing.

Owns: finding the files, merging them, and what must hold between their parts. Must not know: catalogs, SQL.
Invariant: ``load_policy`` gives a policy without a known fault, or raises with every fault that was found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from proxy.errors import PolicyFileError
from proxy.policy.domains import domain_problems
from proxy.policy.grammar import to_mask
from proxy.policy.model import (
    CLEAR_KIND,
    ColumnKind,
    DomainSpec,
    FunctionGrant,
    Grant,
    Kind,
    KindSpec,
    Location,
    MaskRule,
    Policy,
    PolicyDocument,
    Role,
    RoleSpec,
    Table,
    TableSpec,
)
from proxy.policy.names import parse_pattern, split_name
from proxy.policy.suggest import did_you_mean
from proxy.policy.validate import validate
from proxy.policy.yaml_tree import Tree, TreeError, read_tree
from proxy.tokens.types import DOMAIN_NAME

_KIND_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    name: str
    tree: Tree
    document: PolicyDocument

    def at(self, *path: str | int) -> Location:
        return Location(self.path, self.name, self.tree.line(path))


@dataclass(slots=True)
class _Problems:
    found: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, where: Location, message: str) -> None:
        self.found.append((where.path, where.line, message))

    def raise_any(self) -> None:
        if self.found:
            ordered = sorted(dict.fromkeys(self.found))
            raise PolicyFileError(tuple(f"{path}:{line}: {message}" for path, line, message in ordered))


def load_policy(path: Path) -> Policy:
    """The policy in ``path``, a YAML file or a folder whose ``*.yaml`` and ``*.yml`` files are merged.

    Raises PolicyFileError with one ``file:line: message`` for each problem. Folders inside a folder and files whose
    name begins with a dot are left alone. Catalogs are not asked: see ``bound.bind``.
    """
    problems = _Problems()
    texts = _read(path, problems)
    problems.raise_any()
    files = [f for name, text in texts.items() if (f := _parse(path, name, text, problems)) is not None]
    problems.raise_any()
    policy = _Merger(files, problems).merge(_digest(texts))
    problems.raise_any()
    return policy


def _read(path: Path, problems: _Problems) -> dict[str, str]:
    """The text of each file by its name."""
    try:
        if path.is_dir():
            found = [p for p in path.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith(".") and p.is_file()]
        else:
            found = [path]
        texts: dict[str, str] = {}
        for file in sorted(found):
            try:
                texts[file.name] = file.read_bytes().decode("utf-8")
            except UnicodeDecodeError as error:
                problems.add(Location(str(file), file.name, 1), f"the file is not UTF-8 (at byte {error.start})")
        if not found:
            problems.add(Location(str(path), path.name, 1), "the folder holds no .yaml file")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        problems.add(Location(str(path), path.name, 1), f"cannot be read: {reason}")
        return {}
    return texts


def _digest(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        for part in (name.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def _parse(root: Path, name: str, text: str, problems: _Problems) -> _File | None:
    path = str(root / name) if root.is_dir() else str(root)
    try:
        tree = read_tree(text)
    except TreeError as error:
        problems.found.extend((path, line, message) for line, message in error.problems)
        return None
    document, found = validate(tree)
    problems.found.extend((path, line, message) for line, message in found)
    return _File(path, name, tree, document) if document is not None else None


@dataclass(slots=True)
class _Merger:
    """Puts the files together; ``problems`` takes what does not go together."""

    files: list[_File]
    problems: _Problems
    kinds: dict[str, Kind] = field(default_factory=dict)
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    clear_schemas: dict[str, Location] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    domains: dict[str, Location] = field(default_factory=dict)
    _seen: dict[tuple[str, object], tuple[object, Location]] = field(default_factory=dict)

    def merge(self, version: str) -> Policy:
        for file in self.files:
            for name, domain in file.document.domains.items():
                self._domain(file, name, domain)
        for file in self.files:
            for name, kind in file.document.kinds.items():
                self._kind(file, name, kind)
        for file in self.files:
            for name, table in file.document.tables.items():
                self._table(file, name, table)
        for file in self.files:
            for name, role in file.document.roles.items():
                self._role(file, name, role)
        policy = Policy(
            version,
            MappingProxyType(self.kinds),
            MappingProxyType(self.tables),
            MappingProxyType(self.clear_schemas),
            MappingProxyType(self.roles),
            MappingProxyType(self.domains),
        )
        for where, message in domain_problems(policy):
            self.problems.add(where, message)
        return policy

    def _is_new(self, section: str, key: object, name: str, spec: object, where: Location) -> bool:
        """Whether this is the first entry of its name. The same entry twice is no problem, another one is."""
        first = self._seen.setdefault((section, key), (spec, where))
        if first[1] is where:
            return True
        if first[0] != spec:
            self.problems.add(where, f"{section}.{name} is defined differently in {first[1]}")
        return False

    def _domain(self, file: _File, name: str, spec: DomainSpec) -> None:
        where = file.at("domains", name)
        if not DOMAIN_NAME.fullmatch(name):
            rule = 'lower-case letters, digits and "_", begins with a letter and has at most 31 characters'
            self.problems.add(where, f"domains.{name}: a domain's name stands in its tokens: it is made of {rule}")
        elif self._is_new("domains", name, name, spec, where):
            self.domains[name] = where

    def _kind(self, file: _File, name: str, spec: KindSpec) -> None:
        where = file.at("kinds", name)
        if name == CLEAR_KIND:
            self.problems.add(where, "kinds.clear: clear is a kind already, that of columns without protection")
        elif not _KIND_NAME.fullmatch(name):
            self.problems.add(where, f'kinds.{name}: a kind\'s name is made of letters, digits, "_" and "-"')
        elif self._is_new("kinds", name, name, spec, where):
            at = file.at("kinds", name, "mask")
            self.kinds[name] = Kind(name, to_mask(spec.mask), spec.safe_harbor, f"kinds.{name}", at)

    def _table(self, file: _File, name: str, spec: TableSpec) -> None:
        where = file.at("tables", name)
        pattern = parse_pattern(name)
        if pattern is None or pattern.schema is None:
            self.problems.add(where, f"tables.{name}: should be schema.table or schema.*")
        elif pattern.name is None:
            if spec.columns != "clear":
                self.problems.add(where, f"tables.{name}: a whole schema can only have columns: clear")
            elif self._is_new("tables", (pattern.schema, None), name, spec, where):
                self.clear_schemas[pattern.schema] = where
        elif self._is_new("tables", (pattern.schema, pattern.name), name, spec, where):
            columns = None if spec.columns == "clear" else self._columns(file, name, spec.columns)
            self.tables[(pattern.schema, pattern.name)] = Table(pattern.schema, pattern.name, columns, where)

    def _columns(self, file: _File, table: str, columns: Mapping[str, str]) -> Mapping[str, ColumnKind]:
        found: dict[str, ColumnKind] = {}
        for column, kind in columns.items():
            where = file.at("tables", table, "columns", column)
            if kind != CLEAR_KIND and kind not in self.kinds:
                guess = did_you_mean(kind, [*self.kinds, CLEAR_KIND])
                self.problems.add(where, f'tables.{table}.columns.{column}: unknown kind "{kind}"{guess}')
            found[column] = ColumnKind(kind, where)
        return MappingProxyType(found)

    def _role(self, file: _File, name: str, spec: RoleSpec) -> None:
        where = file.at("roles", name)
        if not name or not name.isprintable():
            self.problems.add(where, "roles: a role's name is made of printable characters")
            return
        if not self._is_new("roles", name, name, spec, where):
            return
        by_column: dict[tuple[str, str, str], MaskRule] = {}
        by_kind: dict[str, MaskRule] = {}
        for key, mask in spec.masks.items():
            rule = MaskRule(to_mask(mask), f"roles.{name}.masks.{key}", file.at("roles", name, "masks", key))
            if key in ("*", CLEAR_KIND) or key in self.kinds:
                by_kind[key] = rule
            elif (column := self._column(key, rule)) is not None:
                by_column[column] = rule
        self.roles[name] = Role(
            name,
            self._grants(file, name, "reads", spec.reads),
            self._grants(file, name, "writes", spec.writes),
            self._functions(file, name, spec.functions),
            MappingProxyType(by_column),
            MappingProxyType({k: v for k, v in by_kind.items() if k != "*"}),
            by_kind.get("*"),
            self._detokenize(file, name, spec.detokenize),
            where,
        )

    def _column(self, key: str, rule: MaskRule) -> tuple[str, str, str] | None:
        """The column that a mask is for; what only the catalog knows is left to ``bind``."""
        parts = split_name(key)
        if parts is None or len(parts) == 1:
            guess = did_you_mean(key, [*self.kinds, CLEAR_KIND])
            self.problems.add(rule.location, f'{rule.rule}: unknown kind "{key}"{guess}')
            return None
        if len(parts) != 3:
            self.problems.add(rule.location, f"{rule.rule}: should be a kind, schema.table.column or *")
            return None
        schema, name, column = parts
        table = self.tables.get((schema, name))
        if table is None and schema not in self.clear_schemas:
            guess = did_you_mean(f"{schema}.{name}", [t.qualified_name for t in self.tables.values()])
            self.problems.add(rule.location, f"{rule.rule}: the policy lists no table {schema}.{name}{guess}")
        elif table is not None and table.columns is not None and column not in table.columns:
            guess = did_you_mean(column, table.columns)
            self.problems.add(rule.location, f"{rule.rule}: {schema}.{name} has no column {column}{guess}")
        return schema, name, column

    def _grants(self, file: _File, role: str, section: str, entries: list[str]) -> tuple[Grant, ...]:
        grants: list[Grant] = []
        for number, entry in enumerate(entries):
            where = file.at("roles", role, section, number)
            pattern = parse_pattern(entry)
            if pattern is None:
                self.problems.add(where, f'roles.{role}.{section}: "{entry}" should be schema.table, schema.* or *')
            else:
                grants.append(Grant(pattern, f"roles.{role}.{section}", where))
        return tuple(grants)

    def _detokenize(self, file: _File, role: str, domains: list[str]) -> frozenset[str]:
        for number, domain in enumerate(domains):
            if domain not in self.domains:
                where = file.at("roles", role, "detokenize", number)
                guess = did_you_mean(domain, self.domains)
                self.problems.add(where, f'roles.{role}.detokenize: unknown domain "{domain}"{guess}')
        return frozenset(domains)

    def _functions(self, file: _File, role: str, entries: list[str]) -> tuple[FunctionGrant, ...]:
        grants: list[FunctionGrant] = []
        for number, entry in enumerate(entries):
            where = file.at("roles", role, "functions", number)
            parts = split_name(entry)
            if parts is None or len(parts) != 2:
                self.problems.add(where, f'roles.{role}.functions: "{entry}" should be schema.function')
            else:
                grants.append(FunctionGrant(parts[0], parts[1], f"roles.{role}.functions", where))
        return tuple(grants)
