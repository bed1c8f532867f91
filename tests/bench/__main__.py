"""``make bench``: what the proxy costs, as ratios to a direct connection and to PgBouncer, taken in one run.

Owns: the order of measurements and the tables. Must not know: how a number is taken.
Invariant: the targets of a comparison take turns, round by round, and medians are compared: the machine may be noisy.
It judges nothing; the aims beside the tables are for the reader.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.bench import measure
from tests.bench.logins import Logins, log_in, quantile
from tests.bench.measure import Throughput
from tests.bench.rig import Rig, Target, rig
from tests.bench.sessions import DASHBOARD_LIST, Sessions, run_sessions

_CONSOLE = Console(highlight=False)
_Result = TypeVar("_Result")


def main() -> None:
    """Run all comparisons, or those named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of one run of pgbench (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose median counts (default 3)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="patients (default 1000000)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], help="concurrent clients (default 1 8)")
    parser.add_argument("--sessions", type=int, default=200, help="concurrent sessions (default 200)")
    parser.add_argument("--minutes", type=float, default=2, help="how long they run (default 2)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two of their queries (default 1)")
    parser.add_argument("--bursts", type=int, default=10, help="bursts of logins in a round (default 10)")
    parser.add_argument("only", nargs="*", metavar="PART", help=f"parts to run: {', '.join(_PARTS)} (default all)")
    options = parser.parse_args()
    unknown = set(options.only) - _PARTS.keys()
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with rig(rows=options.rows, note=lambda words: _CONSOLE.print(f"… {words}")) as running:
        if not any(target.name == "PgBouncer" for target in running.targets):
            _CONSOLE.print("PgBouncer is not installed, so it is left out.")
        for name, part in _PARTS.items():
            if not options.only or name in options.only:
                part(running, options)


def _points(running: Rig, options: argparse.Namespace) -> None:
    rewritten = measure.planner_of(running)().plan(measure.POINT_READ, ("public",)).text
    for mode in ("prepared", "simple"):
        for connections in options.connections:

            def run(target: Target, mode: str = mode, connections: int = connections) -> Throughput:
                statement = rewritten if target.rewritten else measure.POINT_READ
                return measure.pgbench(
                    running, target, statement, mode=mode, connections=connections, seconds=options.seconds
                )

            title = f"Point reads of a masked column, {mode}, {connections} connection{'s' * (connections > 1)}"
            results = _in_turns(title, running.targets, options.rounds, run)
            aim = "latency at most 1.2 of PgBouncer's" if connections == 1 else "at least 0.8 of PgBouncer's throughput"
            _show_throughput(f"{title} (aim: {aim})", results)


def _logins(running: Rig, options: argparse.Namespace) -> None:
    """One after another, and as many at a moment as a dashboard has charts."""
    rewritten = measure.planner_of(running)().plan(DASHBOARD_LIST, ("public",)).text
    with contextlib.ExitStack() as stack:
        targets = [running.target("direct")]
        for name, spares in (("pgveil, no spares", 0), ("pgveil, 2 spares", 2), ("pgveil, 12 spares", 12)):
            targets.append(stack.enter_context(running.another(name, spares=spares)))
        for at_once in (1, 12):

            def run(target: Target, at_once: int = at_once) -> Logins:
                statement = rewritten if target.rewritten else DASHBOARD_LIST
                return log_in(target, statement, at_once=at_once, bursts=options.bursts)

            title = f"Logins, {at_once} at a moment"
            results = _in_turns(title, targets, options.rounds, run)
            table = Table("target", "login p50, ms", "p99, ms", "first answer p50, ms", "p99, ms", title=title)
            for name, samples in results.items():
                logins = [seconds for sample in samples for seconds in sample.logins]
                answers = [seconds for sample in samples for seconds in sample.answers]
                numbers = [quantile(what, share) for what in (logins, answers) for share in (0.5, 0.99)]
                table.add_row(name, *(f"{number:.1f}" for number in numbers))
            _CONSOLE.print(table)


def _bulk(running: Rig, options: argparse.Namespace) -> None:
    rewritten = measure.planner_of(running)().plan(measure.BULK_READ, ("public",)).text

    def run(target: Target) -> tuple[float, int]:
        return measure.bulk_read(target, rewritten if target.rewritten else measure.BULK_READ)

    title = f"Reading {options.rows:,} rows with four masked columns"
    results = _in_turns(title, running.targets, options.rounds, run)
    base = statistics.median(seconds for seconds, _ in results["direct"])
    table = Table("target", "seconds", "MB/s", "speed / direct", title=f"{title} (aim: at least 0.95 of direct)")
    for name, samples in results.items():
        seconds = statistics.median(s for s, _ in samples)
        table.add_row(name, f"{seconds:.2f}", f"{samples[0][1] / seconds / 1e6:.0f}", f"{base / seconds:.2f}")
    _CONSOLE.print(table)


def _tokens(running: Rig, options: argparse.Namespace) -> None:
    planner = measure.planner_of(running)()
    targets = [target for target in running.targets if target.name in ("direct", "pgveil")]
    title = f"Reading {options.rows:,} rows with columns of tokens, all values distinct"
    aims = "aims: one of text at least 0.60 of direct, one of digits 0.50"
    columns = ("tokens", "direct, s", "pgveil, s", "speed / direct", "best / best", "pgveil's work, µs a row")
    table = Table(*columns, title=f"{title} ({aims})")
    for name, statement in measure.TOKEN_READS.items():
        rewritten = planner.plan(statement, ("public",)).text

        def run(target: Target, statement: str = statement, rewritten: str = rewritten) -> tuple[float, int]:
            return measure.bulk_read(target, rewritten if target.rewritten else statement)

        worked = measure.cpu_seconds(running.proxy_pid)
        results = _in_turns(f"{title}: {name}", targets, options.rounds, run)
        worked = measure.cpu_seconds(running.proxy_pid) - worked
        seconds = [[s for s, _ in results[target.name]] for target in targets]
        direct, ours = map(statistics.median, seconds)
        best = min(seconds[0]) / min(seconds[1])
        work = worked / options.rounds / options.rows * 1e6
        table.add_row(name, f"{direct:.2f}", f"{ours:.2f}", f"{direct / ours:.2f}", f"{best:.2f}", f"{work:.2f}")
    _CONSOLE.print(table)


def _memory(running: Rig, options: argparse.Namespace) -> None:
    title = f"The proxy's resident memory while {options.rows:,} rows are read (aim: does not grow with the result)"
    table = Table("reader", "before, MiB", "peak, MiB", "growth, MiB", "read, MB", title=title)
    for name, request in measure.MEMORY_READS.items():
        for reader, pause in (("fast", 0.0), ("slow", 0.05)):
            memory = measure.memory_while_reading(running, request, pause=pause, seconds=options.seconds * 3)
            growth = memory.peak - memory.before
            numbers = (memory.before, memory.peak, growth, memory.megabytes)
            table.add_row(f"{name}, {reader}", *(f"{number:.1f}" for number in numbers))
    _CONSOLE.print(table)


def _planning(running: Rig, _options: argparse.Namespace) -> None:
    make = measure.planner_of(running)
    table = Table("statement", "not cached, ms", "cached, µs", title="Planning a statement")
    for name, statement in (
        ("point read", measure.POINT_READ),
        ("bulk read", measure.BULK_READ),
        ("dashboard", measure.DASHBOARD),
    ):
        miss, hit = measure.planning_seconds(make, statement)
        table.add_row(name, f"{miss * 1e3:.2f}", f"{hit * 1e6:.2f}")
    _CONSOLE.print(table)


def _sessions(running: Rig, options: argparse.Namespace) -> None:
    results: dict[str, Sessions] = {}
    for target in running.targets:
        if target.name != "direct, unmasked":
            _CONSOLE.print(f"… {options.sessions} sessions, {target.name}")
            results[target.name] = run_sessions(
                running, target, count=options.sessions, seconds=options.minutes * 60, pause=options.pause
            )
    title = (
        f"{options.sessions} sessions with a dashboard's mix for {options.minutes:g} min (aim: no error, memory flat)"
    )
    bases = [name for name in ("direct", "PgBouncer") if name in results]
    headings = [f"{what} / {base}" for base in bases for what in ("p50", "p99")]
    columns = ("target", "queries", "errors", "p50, ms", "p99, ms")
    table = Table(*columns, *headings, title=title)
    for name, seen in results.items():
        numbers = (seen.quantile(0.5), seen.quantile(0.99))
        ratios = [f"{seen.quantile(q) / results[base].quantile(q):.2f}" for base in bases for q in (0.5, 0.99)]
        counts = (f"{len(seen.seconds):,}", str(len(seen.errors)))
        table.add_row(name, *counts, *(f"{number:.1f}" for number in numbers), *ratios)
        for error in sorted(set(seen.errors)):
            _CONSOLE.print(f"{name}: {error}")
    _CONSOLE.print(table)
    ours = results["pgveil"]
    _CONSOLE.print(f"pgveil's replies out of step or unanswered: {ours.out_of_step:g}")
    _CONSOLE.print(f"pgveil's work for a query: {ours.proxy_cpu / max(1, len(ours.seconds)) * 1e3:.2f} ms of CPU")
    step = max(1, len(ours.memory) // 12)
    shown = ", ".join(f"{size:.1f}" for size in ours.memory[::step])
    _CONSOLE.print(f"pgveil's memory every {step} s, MiB: {shown}")
    warm = ours.warm_memory
    _CONSOLE.print(
        f"pgveil's memory after warm-up: {warm[0]:.1f} MiB, {max(warm) - warm[0]:+.1f} MiB at most since then"
    )


def _in_turns(
    title: str, targets: Sequence[Target], rounds: int, run: Callable[[Target], _Result]
) -> dict[str, list[_Result]]:
    """The results by target; in each round every target has its turn."""
    results: dict[str, list[_Result]] = {target.name: [] for target in targets}
    with Progress(console=_CONSOLE, transient=True) as progress:
        task = progress.add_task(title, total=rounds * len(targets))
        for _ in range(rounds):
            for target in targets:
                results[target.name].append(run(target))
                progress.advance(task)
    return results


def _show_throughput(title: str, results: dict[str, list[Throughput]]) -> None:
    medians = {
        name: Throughput(statistics.median(s.tps for s in samples), statistics.median(s.latency for s in samples))
        for name, samples in results.items()
    }
    bases = [name for name in ("direct", "PgBouncer") if name in medians]
    headings = [f"{what} / {base}" for base in bases for what in ("throughput", "latency")]
    table = Table("target", "a second", "latency, ms", *headings, title=title)
    for name, median in medians.items():
        ratios = [
            f"{ratio:.2f}"
            for base in bases
            for ratio in (median.tps / medians[base].tps, median.latency / medians[base].latency)
        ]
        table.add_row(name, f"{median.tps:,.0f}", f"{median.latency:.3f}", *ratios)
    _CONSOLE.print(table)


_PARTS: dict[str, Callable[[Rig, argparse.Namespace], None]] = {
    "points": _points,
    "bulk": _bulk,
    "tokens": _tokens,
    "memory": _memory,
    "planning": _planning,
    "logins": _logins,
    "sessions": _sessions,
}

if __name__ == "__main__":
    main()
