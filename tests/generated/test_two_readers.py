"""Two readers: what sqlglot and libpg_query understood of a statement must be the same relations, or it is refused.

Must not know: servers. Invariant: whatever the bytes, the outcome is a plan whose text is contained, or a Refusal.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from proxy.errors import Refusal, StatementSyntaxError, UnsupportedRefusal
from proxy.planner import grammar, masking, rewriting
from proxy.planner.containment import assert_contained
from proxy.planner.dialect import parse_statement, print_statement
from proxy.planner.fidelity import faithful_tree
from proxy.planner.masking import _reference, _table_references
from proxy.planner.plan import Decision, Plan
from proxy.planner.planner import Planner
from proxy.planner.references import RelationReference, collect, inner, names_of
from proxy.planner.sources import Resolver, Source
from tests.support.corpus import load_corpus
from tests.support.small_clinic import SNAPSHOT, planner
from tests.support.summary import Report
from tests.support.trees import nodes

FIDELITY = Path(__file__).parents[1] / "corpus" / "fidelity"
PATH = ("clinic", "sales", "public")
MUTATIONS = int(os.environ.get("PGVEIL_TEST_MUTATIONS", "250"))  # examples, each of them a hundred mutations
SEED = os.environ.get("PGVEIL_TEST_SEED", "")  # other mutations than CI's
BATCH = 100
TOKENS = 0.7  # of the mutations change tokens, the others bytes

# Statements over the small clinic, whose relations are protected: what is lost or added here would be a leak.
SEEDS = (
    "SELECT p.last_name, v.reason FROM clinic.patients p JOIN clinic.visits v ON v.patient_id = p.id WHERE p.ssn = '1'",
    "WITH c AS (SELECT * FROM patients), patients AS (SELECT 1 AS id) SELECT * FROM c, patients, sales.orders o",
    "SELECT (SELECT max(ssn) FROM clinic.patients q WHERE q.id = o.id) FROM sales.orders AS o ORDER BY 1 LIMIT 3",
    "SELECT count(*) FROM clinic.patients UNION ALL (SELECT id FROM other.patients EXCEPT TABLE sales.orders)",
    "SELECT x.a, E'\\'' || U&'d\\0061t', $$patients$$ FROM (VALUES (1)) AS x (a), LATERAL (SELECT * FROM patients) y",
    'SELECT "patients".* FROM ONLY "clinic"."patients" TABLESAMPLE system (10) /* clinic.visits */ -- patients',
    "SELECT upper(surname) FROM clinic.front f LEFT JOIN clinic.behind USING (surname) GROUP BY 1 HAVING count(*) > $1",
    "SELECT * FROM clinic.patients p NATURAL JOIN clinic.visits FULL JOIN sales.totals t ON t.sum = p.id::text",
    "WITH RECURSIVE t AS (SELECT id FROM clinic.patients UNION SELECT id + 1 FROM t) SELECT * FROM t, sales.orders",
    "TABLE clinic.patients",
)


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """The planner of a restricted role."""
    return planner(tmp_path_factory.mktemp("policy"), "analyst")


@pytest.fixture(scope="module")
def counts(report: Report) -> Counter[str]:
    """What became of the mutated statements."""
    return Counter()


def test_both_read_the_same_relations_of_the_whole_corpus(report: Report) -> None:
    """Whatever analysts and tools write, the two readings name each relation as often."""
    texts = [t for file in sorted(FIDELITY.glob("*.sql")) for t in grammar.split(file.read_text("utf-8"))]
    texts += [s.text_for("clinic") for s in load_corpus("clinic")]
    compared = 0
    for text in texts:
        original = grammar.parse(text)
        if inner(original.stmts[0].stmt).DESCRIPTOR.name != "SelectStmt":
            continue  # EXPLAIN and the like: their query is cut out and planned as one
        tree = faithful_tree(original, text)
        theirs = Counter(_reference(table) for table in _table_references(tree))
        assert theirs == Counter(collect(inner(original.stmts[0].stmt)).reads), text
        compared += 1
    assert compared >= 900
    report(f"two readers: {compared} statements of the corpus read alike")


@settings(
    max_examples=MUTATIONS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_statement_is_planned_or_refused(analyst: Planner, counts: Counter[str], seed: int) -> None:
    """Nothing but plans and Refusals comes out, and each text that goes upstream is contained."""
    rng = random.Random(f"{SEED} {seed}")
    for _ in range(BATCH):
        text = _mutated_tokens(rng) if rng.random() < TOKENS else _mutated_bytes(rng)
        counts["mutated"] += 1
        try:
            plan, _ = analyst.explain(text, PATH)
        except Refusal as refusal:
            counts["syntax errors" if refusal.reason == "syntax" else "refused"] += 1
            continue
        counts[plan.decision.value] += 1
        _check(analyst, plan)


def test_the_mutations_are_told(counts: Counter[str], report: Report) -> None:
    """The mutations reach plans of both kinds, refusals and syntax errors."""
    report("two readers, mutated: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    assert min(counts[k] for k in ("passed", "rewritten", "refused", "syntax errors")) >= MUTATIONS // 10
    assert counts["mutated"] >= MUTATIONS * BATCH


def _check(analyst: Planner, plan: Plan) -> None:
    """By libpg_query's reading alone: no protected relation outside a text that selects masks."""
    resolver = analyst._views.resolver(() if plan.decision is Decision.REWRITTEN else PATH)
    statement = inner(grammar.parse(plan.text).stmts[0].stmt)
    if plan.decision is Decision.PASSED:
        if statement.DESCRIPTOR.name == "SelectStmt":
            assert not any(resolver.resolve(r).needs_rewrite for r in collect(statement).reads)
        return
    protected = {r for r in collect(statement).reads if resolver.resolve(r).needs_rewrite}
    for node in nodes(statement):
        if node.DESCRIPTOR.name == "SelectStmt":
            direct = [n.range_var for n in node.from_clause if n.HasField("range_var")]
            direct += [
                n.range_table_sample.relation.range_var for n in node.from_clause if n.HasField("range_table_sample")
            ]
            for table in direct:
                reference = RelationReference(table.schemaname or None, table.relname)
                if reference in protected:
                    _check_scan(node, resolver.resolve(reference))
        elif node.DESCRIPTOR.name == "JoinExpr":
            sides = (node.larg, node.rarg)
            assert not any(
                RelationReference(n.range_var.schemaname or None, n.range_var.relname) in protected
                for n in sides
                if n.HasField("range_var")
            )


def _check_scan(select: Any, source: Source) -> None:
    """A subquery that reads one table, does nothing else, and shows no masked column as it is."""
    assert {field.name for field, _ in select.ListFields()} <= {"target_list", "from_clause", "limit_option", "op"}
    assert len(select.from_clause) == 1
    assert source.access is not None
    masked = {d.column.name for d in source.access.columns if d.mask.name != "clear"}
    shown = [target.res_target.val for target in select.target_list]
    assert not {n for v in shown if v.HasField("column_ref") for n in names_of(v.column_ref.fields)} & masked


def _mutated_bytes(rng: random.Random) -> str:
    text = bytearray(rng.choice(SEEDS).encode())
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        match rng.randrange(4):
            case 0:
                del text[at : at + rng.randint(1, 4)]
            case 1:
                text[at:at] = rng.choice(
                    [b"'", b'"', b"--", b"/*", b"*/", b"$$", b"\\", b"(", b")", b",", b";", b"\xc3"]
                )
            case 2:
                text[at] = rng.randrange(256)
            case _:
                other = rng.choice(SEEDS).encode()
                start = rng.randrange(len(other))
                text[at:at] = other[start : start + rng.randint(1, 30)]
    return text.decode("utf-8", "surrogateescape")


def _tokens(text: str) -> list[str]:
    encoded = text.encode()
    return [encoded[t.start : t.end].decode() for t in grammar.scan(text).tokens]


SEED_TOKENS = [_tokens(text) for text in SEEDS]
ALL_TOKENS = sorted({token for tokens in SEED_TOKENS for token in tokens})


def _mutated_tokens(rng: random.Random) -> str:
    tokens = list(rng.choice(SEED_TOKENS))
    for _ in range(rng.randint(1, 2)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        match rng.randrange(4):
            case 0:
                tokens[at] = rng.choice(ALL_TOKENS)
            case 1:
                tokens.insert(at, rng.choice(ALL_TOKENS))
            case 2 if len(tokens) > 2:
                del tokens[at]
            case _:
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return " ".join(tokens)


# Planted disagreements: sqlglot's tree or print is wrong in one way, and the statement must be refused.


def _drop_join(tree: exp.Expr) -> None:
    select = tree.find(exp.Select)
    assert select is not None
    select.set("joins", [])


def _rename(tree: exp.Expr) -> None:
    next(tree.find_all(exp.Table)).set("this", exp.to_identifier("visits", quoted=True))


def _other_schema(tree: exp.Expr) -> None:
    next(tree.find_all(exp.Table)).set("db", exp.to_identifier("other", quoted=True))


def _hide_in_a_cte(tree: exp.Expr) -> None:
    for table in tree.find_all(exp.Table):
        table.replace(exp.Subquery(this=parse_statement("SELECT 1"), alias=exp.TableAlias(this=table.this.copy())))


PERTURBED: dict[str, Callable[[exp.Expr], None]] = {
    "drops": _drop_join,
    "renames": _rename,
    "another schema": _other_schema,
    "reads none": _hide_in_a_cte,
}
TWO_TABLES = "SELECT p.ssn FROM clinic.patients p JOIN clinic.visits v ON v.patient_id = p.id"


@pytest.mark.parametrize("perturb", PERTURBED.values(), ids=PERTURBED.keys())
@pytest.mark.parametrize("stage", ["before the round trip", "after it"])
def test_a_planted_misreading_is_refused(
    analyst: Planner, monkeypatch: pytest.MonkeyPatch, perturb: Callable[[exp.Expr], None], stage: str
) -> None:
    """A dialect that drops, renames or misreads a relation is caught by fidelity, and behind that by the comparison."""
    if stage == "before the round trip":

        def parse(text: str) -> exp.Expr:
            tree = parse_statement(text)
            perturb(tree)
            return tree

        monkeypatch.setattr("proxy.planner.fidelity.parse_statement", parse)
    else:

        def faithful(original: grammar.ParseResult, text: str) -> exp.Expr:
            tree = faithful_tree(original, text)
            perturb(tree)
            return tree

        monkeypatch.setattr(rewriting, "faithful_tree", faithful)
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.explain(TWO_TABLES, PATH)
    assert refused.value.reason == "fidelity"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (' FROM "clinic"."patients"', ' FROM "clinic"."patients" WHERE "ssn" = \'1\''),
        ('CAST(NULL AS pg_catalog.text) AS "ssn"', '"ssn" AS "ssn"'),
        (") AS p", ') AS p CROSS JOIN "clinic"."patients" AS q'),
        (") AS p", ") AS p CROSS JOIN patients AS q"),
        ("SELECT p.ssn", "SELECT (SELECT max(ssn) FROM clinic.patients)"),
        ("(SELECT", "((SELECT"),
    ],
)
def test_a_perturbed_print_is_refused(
    analyst: Planner, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str
) -> None:
    """The text that would go upstream is read anew: what the printer adds is caught."""
    assert wrong in analyst.explain(TWO_TABLES, PATH)[0].text
    monkeypatch.setattr(rewriting, "print_statement", lambda tree: print_statement(tree).replace(wrong, right, 1))
    with pytest.raises((UnsupportedRefusal, StatementSyntaxError)):
        analyst.explain(TWO_TABLES, PATH)


def test_a_rewrite_that_forgets_is_refused(analyst: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    """References that the rewrite does not find are still counted by the other reader."""
    monkeypatch.setattr(masking, "_table_references", lambda tree: _table_references(tree)[1:])
    with pytest.raises(UnsupportedRefusal) as refused:
        analyst.explain(TWO_TABLES, PATH)
    assert refused.value.reason == "fidelity"


def test_containment_reads_the_text_by_itself(analyst: Planner) -> None:
    """Without any scan of ours, nothing protected may be left."""
    resolver = Resolver(SNAPSHOT, analyst.role, (), lambda _: False)
    with pytest.raises(UnsupportedRefusal):
        assert_contained(analyst.explain(TWO_TABLES, PATH)[0].text, (), resolver.resolve)
