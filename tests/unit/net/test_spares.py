"""Spare connections: for the right login only, one at a time, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from proxy.errors import UpstreamUnavailableError
from proxy.net import spares
from proxy.net.spares import Spares
from proxy.wire.frontend import StartupMessage

ADA, GRACE = "ada", "grace"


class Made:
    """A connection that only notes what is done with it."""

    def __init__(self, message: StartupMessage, born: float = 0.0) -> None:
        self.message = message
        self.born = born
        self.reported: Mapping[str, str] | None = None
        self.gone: Callable[[], None] | None = None
        self.awake = self.discarded = False
        self.failure: Exception | None = None

    async def start_over(self, reported: Mapping[str, str]) -> None:
        if self.failure is not None:
            raise self.failure
        self.reported = reported

    def sleep(self, gone: Callable[[], None]) -> None:
        self.gone = gone

    async def wake(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.awake = True

    def discard(self) -> None:
        self.discarded = True

    async def closed(self) -> None:
        await asyncio.sleep(0)


class Rig:
    """Spares whose connections are ``Made``, and a clock that stands."""

    def __init__(self, count: int = 2) -> None:
        self.now = 0.0
        self.made: list[Made] = []
        self.failure: Exception | None = None
        self.spares = Spares[Made](count, self.make, lambda: self.now)

    async def make(self, message: StartupMessage) -> Made:
        if self.failure is not None:
            raise self.failure
        self.made.append(Made(message, self.now))
        return self.made[-1]

    async def used(self, *messages: StartupMessage) -> None:
        """So many logins, and what is opened after them."""
        for message in messages:
            self.spares.used(message)
        await settle()

    async def session(self, user: str, *, sent: StartupMessage | None = None) -> Made:
        """A login of this user, and its connection."""
        sent = sent or message()
        connection = await self.spares.take(sent, user) or await self.make(sent)
        await self.used(sent)
        return connection

    async def ends(self, connection: Made, user: str) -> None:
        """The session is over, with nothing left open."""
        self.spares.give_back(connection.message, user, connection, {"TimeZone": "UTC"})
        await settle()

    async def after(self, seconds: float) -> None:
        """What happens at the next sweep, so much later."""
        self.now += seconds
        self.spares._sweep()
        await settle()


async def settle() -> None:
    """Let the tasks run that need no I/O."""
    for _ in range(5):
        await asyncio.sleep(0)


def message(application: str = "psql", database: str = "clinic", **settings: str) -> StartupMessage:
    """What goes upstream for such a login."""
    own = (("user", "pgveil"), ("database", database), ("application_name", application))
    return StartupMessage(0x30000, own + tuple(settings.items()))


async def test_off() -> None:
    """With a count of nothing nothing is opened."""
    rig = Rig(0)
    await rig.used(message())
    assert (rig.made, await rig.spares.take(message(), ADA)) == ([], None)


async def test_for_the_same_login_only() -> None:
    """A spare goes to a login with the very same message: never to another name, database or setting."""
    rig = Rig(1)
    await rig.used(message())
    for other in (message("dbeaver"), message(database="sales"), message(TimeZone="UTC")):
        assert await rig.spares.take(other, ADA) is None
    found = await rig.spares.take(message(), ADA)
    assert found is rig.made[0]
    assert found.awake
    await rig.spares.close()


async def test_given_once() -> None:
    """Two logins at the same moment are not given the same connection."""
    rig = Rig(1)
    await rig.used(message())
    first, second = await asyncio.gather(rig.spares.take(message(), ADA), rig.spares.take(message(), ADA))
    assert (first is None) != (second is None)
    await rig.spares.close()


async def test_what_the_last_logins_were_is_kept_ready() -> None:
    """As many are kept as is said, and they follow what is asked for."""
    rig = Rig(2)
    await rig.used(message("a"), message("a"))
    assert [made.message for made in rig.made] == [message("a")] * 2
    await rig.used(message("b"))
    assert [(made.message.get("application_name"), made.discarded) for made in rig.made] == [
        ("a", True), ("a", False), ("b", False),
    ]  # fmt: skip
    assert rig.spares.ready == 2
    await rig.spares.close()
    assert all(made.discarded for made in rig.made)


async def test_one_that_is_lost_is_not_given() -> None:
    """A connection that ends or speaks while it waits is closed."""
    rig = Rig(1)
    await rig.used(message())
    assert rig.made[0].gone is not None
    rig.made[0].gone()
    assert rig.made[0].discarded
    assert await rig.spares.take(message(), ADA) is None
    await rig.spares.close()


@pytest.mark.parametrize("failure", [UpstreamUnavailableError("gone"), TimeoutError()])
async def test_one_that_does_not_wake(failure: Exception) -> None:
    """If one's server is not there any more, the others are closed too, and the login makes a connection of its own."""
    rig = Rig(2)
    await rig.used(message(), message())
    rig.made[-1].failure = failure
    assert await rig.spares.take(message(), ADA) is None
    assert all(made.discarded for made in rig.made)
    assert rig.spares.ready == 0
    await rig.spares.close()


async def test_a_login_that_gives_up() -> None:
    """A client that goes away while its connection wakes up leaves none behind."""
    rig = Rig(1)
    await rig.used(message())
    rig.made[0].failure = asyncio.CancelledError()  # type: ignore[assignment]
    with pytest.raises(asyncio.CancelledError):
        await rig.spares.take(message(), ADA)
    assert rig.made[0].discarded
    await rig.spares.close()


async def test_renewed_with_age() -> None:
    """What was read at login may have changed: an old connection is replaced while its database is in use."""
    rig = Rig(1)
    await rig.used(message())
    await rig.after(spares.MAX_AGE_SECONDS)
    assert len(rig.made) == 1
    await rig.after(1)
    assert [made.discarded for made in rig.made] == [True, False]
    await rig.spares.close()


async def test_databases_out_of_use() -> None:
    """Where nobody has logged in for long, nothing is kept."""
    rig = Rig(1)
    await rig.used(message())
    await rig.after(spares.IN_USE_SECONDS + 1)
    assert [made.discarded for made in rig.made] == [True]
    assert rig.spares.ready == 0
    await rig.spares.close()


async def test_failures_wait_for_the_next_sweep() -> None:
    """A database that does not take connections is not asked again and again."""
    rig = Rig(1)
    rig.failure = UpstreamUnavailableError("starting up")
    await rig.used(message())
    rig.failure = None
    await settle()
    assert rig.made == []
    await rig.after(10)
    assert rig.spares.ready == 1
    await rig.spares.close()


async def test_making_room() -> None:
    """When the server has no slot left, the spares' slots are given back."""
    rig = Rig(1)
    assert not await rig.spares.make_room()
    await rig.used(message())
    assert await rig.spares.make_room()
    assert rig.made[0].discarded
    assert rig.spares.ready == 0
    await rig.spares.close()


async def test_close_opens_no_more() -> None:
    """A login that ends during the drain opens nothing."""
    rig = Rig(1)
    rig.spares.used(message())
    await rig.spares.close()
    await rig.used(message())
    assert rig.spares.ready == 0
    assert all(made.discarded for made in rig.made)


async def test_given_back_to_its_own_user_only() -> None:
    """What one's session may have left in a connection nobody else meets, not even with the same message."""
    rig = Rig(1)
    first = await rig.session(ADA)
    await rig.ends(first, ADA)
    assert first.reported == {"TimeZone": "UTC"}
    others = [await rig.session(GRACE) for _ in range(3)]
    assert first not in others
    assert await rig.session(ADA) is first
    assert not first.discarded
    await rig.spares.close()


async def test_given_back_for_the_same_login_only() -> None:
    """The same person with another setting has another connection."""
    rig = Rig(1)
    first = await rig.session(ADA)
    await rig.ends(first, ADA)
    assert await rig.session(ADA, sent=message(TimeZone="CET")) is not first
    await rig.spares.close()


async def test_never_two_sessions_at_a_time() -> None:
    """A connection is not there for others before its session has ended, nor twice after that."""
    rig = Rig(2)
    first = await rig.session(ADA)
    assert await rig.session(ADA) is not first
    await rig.ends(first, ADA)
    found = await asyncio.gather(*(rig.spares.take(message(), ADA) for _ in range(5)))
    assert [connection for connection in found if connection is first] == [first]
    assert len({id(connection) for connection in found if connection is not None}) == 3
    await rig.spares.close()


async def test_used_again_before_new_ones() -> None:
    """One that knows the catalog already is better than a new one, which stays for the next login."""
    rig = Rig(1)
    first = await rig.session(ADA)
    assert len(rig.made) == 2
    for _ in range(3):
        await rig.ends(first, ADA)
        assert await rig.session(ADA) is first
    assert len(rig.made) == 2
    await rig.spares.close()


@pytest.mark.parametrize("failure", [UpstreamUnavailableError("DISCARD ALL failed"), TimeoutError()])
async def test_one_that_cannot_be_made_as_new(failure: Exception) -> None:
    """It is closed; the others have nothing to do with it."""
    rig = Rig(1)
    first = await rig.session(ADA)
    first.failure = failure
    await rig.ends(first, ADA)
    assert first.discarded
    assert rig.spares.ready == 1
    await rig.spares.close()


async def test_no_more_than_the_count_are_taken_back() -> None:
    """Of many sessions that end at a moment the last ones' connections stay."""
    rig = Rig(2)
    sessions = [await rig.session(ADA) for _ in range(5)]
    for session in sessions:
        await rig.ends(session, ADA)
    assert [session.discarded for session in sessions] == [True, True, True, False, False]
    assert rig.spares.ready == 4
    await rig.spares.close()


async def test_too_old_to_be_taken_back() -> None:
    """Age counts from the login, so what is read there is never older than said, however often it is used."""
    rig = Rig(1)
    first, second = await rig.session(ADA), await rig.session(ADA)
    rig.now = spares.MAX_AGE_SECONDS
    await rig.ends(first, ADA)
    assert (first.discarded, second.discarded) == (False, False)
    rig.now += 1
    await rig.ends(second, ADA)
    assert second.discarded
    await rig.after(0)
    assert (first.discarded, rig.spares.ready) == (True, 1)
    await rig.spares.close()


async def test_one_that_is_lost_after_it_was_given_back() -> None:
    """It ends while it waits: it is closed, and not given."""
    rig = Rig(1)
    first = await rig.session(ADA)
    await rig.ends(first, ADA)
    assert first.gone is not None
    first.gone()
    assert first.discarded
    assert await rig.session(ADA) is not first
    await rig.spares.close()


async def test_nothing_is_taken_back_without_spares() -> None:
    """A count of nothing, and the drain, close what comes."""
    off = Rig(0)
    assert not off.spares.takes_back
    session = await off.session(ADA)
    await off.ends(session, ADA)
    assert session.discarded
    rig = Rig(1)
    early, late = await rig.session(ADA), await rig.session(ADA)
    rig.spares.give_back(message(), ADA, early, {})
    await rig.spares.close()
    await rig.ends(late, ADA)
    assert early.discarded
    assert late.discarded
    assert rig.spares.ready == 0
