"""Which columns of a masking subquery a statement can need at all.

Owns: that question, answered from identifiers alone. Must not know: scopes, masks, Postgres' own tree.
Invariant: a column is left out only if its name occurs nowhere in the statement and nothing in it stands for all
columns of a row; so leaving it out can change neither a name's meaning nor a result. It saves the server the masks.
"""

from __future__ import annotations

from sqlglot import exp

from proxy.planner.dialect import Call


def needed_names(tree: exp.Expr) -> frozenset[str] | None:
    """Every identifier of the statement, or None where it may need all columns.

    That is so with ``*``, whole-row references, NATURAL joins and column lists in aliases, which count columns.
    """
    names: set[str] = set()
    bare: set[str] = set()
    relations: set[str] = set()
    for node in tree.walk():
        match node:
            case exp.Star():
                if not isinstance(node.parent, Call):  # count(*)
                    return None
            case exp.Join():
                if str(node.args.get("method") or "").upper() == "NATURAL":
                    return None
            case exp.Column():
                if node.args.get("table") is None:
                    bare.add(node.name)
            case exp.Table():
                relations.add(node.name)
            case exp.TableAlias():
                if node.args.get("columns") and not isinstance(node.parent, exp.CTE):
                    return None
                relations.add(node.name)
            case exp.Identifier():
                names.add(str(node.this))
            case _:
                pass
    return None if bare & relations else frozenset(names)
