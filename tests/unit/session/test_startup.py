"""What a client may ask for in its StartupMessage."""

from __future__ import annotations

import pytest

from proxy.errors import ClientProtocolError, ProxyError
from proxy.session.startup import parse_options, read_startup
from proxy.wire.frontend import StartupMessage


def _message(*parameters: tuple[str, str], protocol: int = 0x30000) -> StartupMessage:
    return StartupMessage(protocol, (("user", "ada"), *parameters))


def test_database_defaults_to_user() -> None:
    """A client that names no database gets the one of its user's name, as in Postgres."""
    assert read_startup(_message()).database == "ada"
    assert read_startup(_message(("database", "clinic"))).database == "clinic"


def test_user_is_required() -> None:
    """Without a user there is no login (28000)."""
    with pytest.raises(ProxyError) as caught:
        read_startup(StartupMessage(0x30000, (("database", "clinic"),)))
    assert caught.value.sqlstate == "28000"


def test_settings_pass_in_order() -> None:
    """Settings of the packet follow those of its options, so that the packet's win upstream as they do in Postgres."""
    startup = read_startup(
        _message(("TimeZone", "Europe/Rome"), ("options", "-c extra_float_digits=3"), ("application_name", "psql"))
    )
    assert startup.settings == (("extra_float_digits", "3"), ("TimeZone", "Europe/Rome"))
    assert startup.application_name == "psql"


def test_application_name_in_options() -> None:
    """An application_name given by options is the client's own, like one given by the packet."""
    assert read_startup(_message(("options", "-capplication_name=dbt"))).application_name == "dbt"


@pytest.mark.parametrize("spelling", ["UTF8", "utf-8", "'utf-8'", "UTF_8", "unicode", '"UTF8"'])
def test_utf8_spellings(spelling: str) -> None:
    """Every spelling of UTF8 that Postgres takes is taken, and none of them goes upstream as it is."""
    assert read_startup(_message(("client_encoding", spelling))).settings == ()


@pytest.mark.parametrize("name", ["client_encoding", "Client_Encoding"])
def test_other_encodings_are_refused(name: str) -> None:
    """Another client encoding would be another reading of the same bytes."""
    with pytest.raises(ProxyError, match="client_encoding") as caught:
        read_startup(_message((name, "LATIN1")))
    assert caught.value.sqlstate == "0A000"


def test_string_syntax_is_fixed() -> None:
    """Backslashes in ordinary strings must mean the same to us and to the server."""
    assert read_startup(_message(("standard_conforming_strings", "ON"))).settings
    with pytest.raises(ProxyError) as caught:
        read_startup(_message(("options", "-c standard_conforming_strings=off")))
    assert caught.value.sqlstate == "0A000"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("role", "postgres"),
        ("Session_Authorization", "postgres"),
        ("session_preload_libraries", "x"),
        ("app.user", "1"),
    ],
)
def test_forbidden_settings(name: str, value: str) -> None:
    """What is not on the list is refused, as a parameter of its own and inside options."""
    for parameter in ((name, value), ("options", f"-c {name}={value}"), ("options", f"--{name}={value}")):
        with pytest.raises(ProxyError, match="may not be set") as caught:
            read_startup(_message(parameter))
        assert caught.value.sqlstate == "42501"


@pytest.mark.parametrize("value", ["database", "true", "1", "on"])
def test_replication_is_refused(value: str) -> None:
    """Replication connections speak another grammar."""
    with pytest.raises(ProxyError, match="replication"):
        read_startup(_message(("replication", value)))


def test_replication_false_is_an_ordinary_session() -> None:
    """Some drivers send replication=false."""
    assert read_startup(_message(("replication", "false"))).settings == ()


def test_protocol_versions() -> None:
    """3.0 and 3.2 are spoken as they are; a newer minor is negotiated down, another major refused."""
    assert (read_startup(_message()).minor, read_startup(_message()).negotiate) == (0, False)
    newest = read_startup(_message(protocol=0x30002))
    assert (newest.minor, newest.negotiate) == (2, False)
    newer = read_startup(_message(("_pq_.test_protocol_negotiation", ""), protocol=0x30000 | 9999))
    assert (newer.minor, newer.negotiate, newer.unknown_options) == (2, True, ("_pq_.test_protocol_negotiation",))
    for protocol in (0x20000, 0x40000, 80877104 + 1):
        with pytest.raises(ClientProtocolError, match="unsupported frontend protocol"):
            read_startup(_message(protocol=protocol))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("-c a=b", (("a", "b"),)),
        ("-ca=b --c-d=e", (("a", "b"), ("c_d", "e"))),
        (r"-c search_path=a,\ b", (("search_path", "a, b"),)),
        (r"-c\ta=b", (("ta", "b"),)),
        (r"-c a=\\b", (("a", r"\b"),)),
        ("-c\ta=b=c\n-c d=", (("a", "b=c"), ("d", ""))),
        ("-c a=b\\", (("a", "b"),)),
    ],
)
def test_options_are_split_as_the_server_does(options: str, expected: tuple[tuple[str, str], ...]) -> None:
    """White space separates, a backslash protects, both ways of writing a setting are understood."""
    assert parse_options(options) == expected


@pytest.mark.parametrize(
    "options", ["-c", "-c a", "--", "--a", "-c =b", "-d 5", "a=b", "-f s", "-e -c a=b", "-c a=b x"]
)
def test_other_switches_are_refused(options: str) -> None:
    """Anything in options that is not a setting is refused, not guessed at."""
    with pytest.raises(ProxyError) as caught:
        parse_options(options)
    assert caught.value.sqlstate == "42601"
