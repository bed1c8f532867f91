"""What is known of the search path."""

from __future__ import annotations

import pytest

from proxy.errors import UpstreamProtocolError
from proxy.planner.plan import Decision, Effects, Plan, StatementKind
from proxy.session.settings import SearchPath

_SET = Plan("t", Decision.PASSED, StatementKind.SETTING, "f", effects=Effects(search_path=True))
_END = Plan("t", Decision.PASSED, StatementKind.TRANSACTION, "f", effects=Effects(search_path=True))


def _known(path: SearchPath) -> bool:
    return path.known


def _answer(
    path: SearchPath, *schemas: bytes, asker: bytes | None = None, in_flight: bool = False, in_transaction: bool = False
) -> bool:
    path.row((asker,))
    for schema in schemas:
        path.row((schema,))
    return path.answered(in_flight=in_flight, in_transaction=in_transaction)[0]


def test_a_change_makes_it_unknown_until_it_is_answered() -> None:
    """The answer says whether it is another path than before."""
    path = SearchPath(("public",))
    path.sent(_SET)
    assert not _known(path)
    assert not _answer(path, b"public")
    path.sent(_SET)
    assert _answer(path, b"a", b"b")
    assert _known(path)
    assert path.current == ("a", "b")


def test_the_end_of_a_transaction_matters_while_a_change_may_be_undone() -> None:
    """Asked outside a transaction, nothing is left to undo."""
    path = SearchPath(("public",))
    path.sent(_END)
    assert _known(path)
    path.sent(_SET)
    _answer(path, b"a", in_transaction=True)
    path.sent(_END)
    assert not _known(path)
    _answer(path, b"a")
    path.sent(_END)
    assert _known(path)


def test_an_answer_inside_an_implicit_transaction_ends_with_it() -> None:
    """What SET LOCAL did is undone by the flight's Sync."""
    path = SearchPath(("public",))
    path.sent(_SET)
    _answer(path, b"a", in_flight=True)
    assert _known(path)
    path.flight_ended()
    assert not _known(path)
    path.flight_ended()
    _answer(path, b"a", in_flight=True, in_transaction=True)
    path.flight_ended()
    assert _known(path)


def test_an_unanswered_question_leaves_no_rows_behind() -> None:
    """The next answer starts afresh."""
    path = SearchPath(())
    path.row((b"left over",))
    path.unanswered(final=True)
    failed = path.failed
    _answer(path, b"a")
    assert (failed, path.failed) == (True, False)
    assert path.current == ("a",)


def test_a_report_of_the_server_counts_as_a_change() -> None:
    """Then the end of a transaction may undo it, too."""
    path = SearchPath(())
    path.reported()
    assert not _known(path)
    assert path.touched


@pytest.mark.parametrize("cells", [(), (None,), (b"a", b"b"), (b"\xff",)])
def test_an_answer_that_is_none_raises(cells: tuple[bytes | None, ...]) -> None:
    """One cell of text in each row, the first of which may be NULL."""
    path = SearchPath(())
    path.row((None,))
    with pytest.raises(UpstreamProtocolError):
        path.row(cells)
    with pytest.raises(UpstreamProtocolError):
        SearchPath(()).answered(in_flight=False, in_transaction=False)


def test_who_was_set_to_ask_is_answered_with_the_path() -> None:
    """NULL and an empty value are nobody; each change is told."""
    path = SearchPath(("a",))

    def changes(asker: bytes | None) -> tuple[bool, bool]:
        path.row((asker,))
        path.row((b"a",))
        return path.answered(in_flight=False, in_transaction=False)

    assert [changes(asker) for asker in (None, b"", b"r1", b"r1", b"r2", None)] == [
        (False, changed) for changed in (False, False, True, False, True, True)
    ]
