"""Settings files: what they give, and what each mistake is told as."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import SettingsFileError
from proxy.identity.issuer import Algorithm
from proxy.net.limits import Limits
from proxy.settings import Settings, load_settings
from proxy.settings_document import MAX_SETTINGS_BYTES

WHOLE = """\
listen: {host: 127.0.0.1, port: 6432, tls: {certificate: server.crt, key: server.key}}
upstream: {host: db.example, port: 5432, user: pgveil, password: "${PGVEIL_UPSTREAM_PASSWORD}", tls: verify-full,
           ca: ca.crt}
identity:
  issuers:
    - {issuer: "https://idp.example", audience: pgveil, jwks: jwks.json, algorithms: [RS256, ES256, EdDSA],
       claims: {roles: roles, purpose: purpose, contract: contract, name: sub}}
policy: policies/clinic
audit: {journal: journal.jsonl}
admin: {host: 127.0.0.1, port: 9464}
workers: 1
"""
SMALL = """\
upstream: {host: 127.0.0.1, user: pgveil}
identity: {issuers: [{issuer: "https://idp.example", audience: pgveil, jwks: "https://idp.example/jwks"}]}
policy: policies/clinic
audit: {journal: journal.jsonl}
"""
SECRET = "s3cr3t-canary"
NO_HMAC = "HMAC algorithms are not accepted: whoever can check such a token can also forge one"
ONE_WORKER = "several workers are not available in this release; start several proxies on ports of their own"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the examples name."""
    for name in ("server.crt", "server.key", "ca.crt", "jwks.json"):
        (tmp_path / name).write_text("")
    (tmp_path / "policies" / "clinic").mkdir(parents=True)
    return tmp_path


def load(folder: Path, text: str | bytes, **environ: str) -> Settings:
    """Load the text as a file in the folder."""
    path = folder / "pgveil.yaml"
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return load_settings(path, environ)


def problems(folder: Path, text: str | bytes, **environ: str) -> list[str]:
    """The lines of the error, without the file's folder."""
    with pytest.raises(SettingsFileError) as caught:
        load(folder, text, **environ)
    assert SECRET not in caught.value.message
    return [line.replace(f"{folder}/", "") for line in caught.value.message.splitlines()]


def test_whole_file(folder: Path) -> None:
    """The documented example loads, with paths beside the file and the password from the environment."""
    found = load(folder, WHOLE, PGVEIL_UPSTREAM_PASSWORD=SECRET)
    assert found.listen.tls is not None
    assert found.listen.tls.certificate == folder / "server.crt"
    assert found.upstream.password is not None
    assert found.upstream.password.get_secret_value() == SECRET
    assert SECRET not in repr(found)
    assert found.upstream.ca == folder / "ca.crt"
    assert found.upstream.tls == "verify-full"
    (issuer,) = found.identity.issuers
    assert issuer.jwks == str(folder / "jwks.json")
    assert issuer.algorithms == (Algorithm.RS256, Algorithm.ES256, Algorithm.EDDSA)
    assert found.policy == folder / "policies" / "clinic"
    assert found.audit.journal == folder / "journal.jsonl"
    assert (found.admin.host, found.admin.port, found.workers) == ("127.0.0.1", 9464, 1)


def test_defaults(folder: Path) -> None:
    """What is left out has the documented default."""
    found = load(folder, SMALL)
    assert (found.listen.host, found.listen.port, found.listen.tls) == ("127.0.0.1", 6432, None)
    assert not found.listen.allow_password_without_tls
    assert (found.upstream.port, found.upstream.password, found.upstream.databases) == (5432, None, ())
    assert (found.upstream.catalog_refresh_seconds, found.upstream.catalog_check) == (1, "interval")
    assert found.limits.limits() == Limits()
    assert found.keyring is None


def test_limits_and_databases(folder: Path) -> None:
    """The optional sections are taken over."""
    more = "limits: {max_sessions: 7, login_seconds: 2.5, max_message_bytes: 1000000, drain_seconds: 0}\n"
    found = load(folder, SMALL.replace("user: pgveil", "user: pgveil, databases: [clinic, 2024]") + more)
    assert found.limits.limits() == Limits(
        max_sessions=7, login_seconds=2.5, max_message_bytes=1_000_000, drain_seconds=0
    )
    assert found.upstream.databases == ("clinic", "2024")


@pytest.mark.parametrize(
    ("upstream", "tls"),
    [("host: db.example", "verify-full"), ("host: 10.0.0.1", "verify-full"), ("host: localhost", "disable"),
     ("host: '::1'", "disable"), ("host: /run/postgresql", "disable"), ("host: localhost, tls: require", "require"),
     ("host: db.example, tls: disable", "disable"), ("host: db.example, tls: verify-ca", "verify-ca")],
)  # fmt: skip
def test_upstream_tls(folder: Path, upstream: str, tls: str) -> None:
    """The upstream is verified in full unless it is on this machine or the file says otherwise."""
    assert load(folder, SMALL.replace("host: 127.0.0.1", upstream)).upstream.tls == tls


def test_upstream_socket(folder: Path) -> None:
    """A socket folder may be relative to the file."""
    found = load(folder, SMALL.replace("host: 127.0.0.1", "host: ./run"))
    assert found.upstream.is_sockets
    assert found.upstream.host == (str(folder / "run"),)
    assert not load(folder, SMALL).upstream.is_sockets


def test_several_hosts(folder: Path) -> None:
    """Hosts are listed with a port or without, and are local where all of them are."""
    hosts = '[db1, "db2:5433", "[::1]:5434", "fe80::1", ./run]'
    found = load(folder, SMALL.replace("host: 127.0.0.1", f"host: {hosts}", 1)).upstream
    assert found.servers == (
        ("db1", 5432), ("db2", 5433), ("::1", 5434), ("fe80::1", 5432), (str(folder / "run"), 5432),
    )  # fmt: skip
    assert found.tls == "verify-full"
    assert not found.is_sockets
    assert load(folder, SMALL.replace("127.0.0.1", '["127.0.0.1:5433", localhost]', 1)).upstream.tls == "disable"


def test_values_keep_their_text(folder: Path) -> None:
    """A password of digits, a word like `no` or an empty value is not turned into something else."""
    for given_text, expected in (
        ("0123", "0123"),
        ("no", "no"),
        ("1e3", "1e3"),
        ('"null"', "null"),
        ("2024-01-01",) * 2,
    ):
        found = load(folder, SMALL.replace("user: pgveil", f"user: pgveil, password: {given_text}"))
        assert found.upstream.password is not None
        assert found.upstream.password.get_secret_value() == expected
    assert load(folder, SMALL.replace("user: pgveil", "user: pgveil, password: ")).upstream.password is None


def test_environment(folder: Path) -> None:
    """`${NAME}` is replaced anywhere in a value, `$${` stands for itself, other dollars are left alone."""
    text = SMALL.replace("user: pgveil", "user: 'a${U}b${V}', password: 'x$${U}y$z$'")
    found = load(folder, text, U="1", V="${U}")
    assert found.upstream.user == "a1b${U}"
    assert found.upstream.password is not None
    assert found.upstream.password.get_secret_value() == "x${U}y$z$"
    assert load(folder, SMALL + "listen: {port: '${PORT}'}\n", PORT="7000").listen.port == 7000


def test_missing_variable(folder: Path) -> None:
    """A variable that is not set is named, with its line; so is a reference that is not finished."""
    assert problems(folder, WHOLE) == [
        "pgveil.yaml:2: upstream.password: the environment variable PGVEIL_UPSTREAM_PASSWORD is not set"
    ]
    (line,) = problems(folder, SMALL.replace("user: pgveil", "user: '${U'"))
    assert line.startswith("pgveil.yaml:1: upstream.user: `${` must be followed by a variable's name")


def test_every_problem_is_told(folder: Path) -> None:
    """All problems come at once, in the order of the file, each with its line and key."""
    text = f"""\
        listen:
          host: 127.0.0.1
          prot: 6432
          port: {SECRET}
        upstream:
          host: db.example
          password: {SECRET}
          tls: {SECRET}
        identity:
          issuers:
            - issuer: https://idp.example
              jwks: http://idp.example/jwks
              algorithms: [RS256, HS256]
        policy: nowhere
        audit: {SECRET}
        colour: {SECRET}
        workers: 4
        """
    assert problems(folder, text) == [
        "pgveil.yaml:3: listen.prot: is not a setting (did you mean port?)",
        "pgveil.yaml:4: listen.port: Input should be a valid integer, unable to parse string as an integer",
        "pgveil.yaml:5: upstream.user: is required",
        "pgveil.yaml:8: upstream.tls: Input should be 'disable', 'require', 'verify-ca' or 'verify-full'",
        "pgveil.yaml:11: identity.issuers[0].audience: is required",
        "pgveil.yaml:12: identity.issuers[0].jwks: keys must be fetched over https (http is accepted on loopback only)",
        f"pgveil.yaml:13: identity.issuers[0].algorithms[1]: {NO_HMAC}",
        "pgveil.yaml:14: policy: there is no file or folder nowhere",
        "pgveil.yaml:15: audit: must be a mapping",
        "pgveil.yaml:16: colour: is not a setting",
        f"pgveil.yaml:17: workers: {ONE_WORKER}",
    ]


def test_empty_file(folder: Path) -> None:
    """An empty file lacks what is required, the journal included."""
    for text in ("", "# nothing\n", "{}"):
        assert [line.split(": ", 1)[1] for line in problems(folder, text)] == [
            "audit: is required", "identity: is required", "policy: is required", "upstream: is required",
        ]  # fmt: skip
    assert problems(folder, SMALL.replace("{journal: journal.jsonl}", "{}")) == [
        "pgveil.yaml:4: audit.journal: is required"
    ]


def test_keyring(folder: Path) -> None:
    """A keyring's paths are relative to the file; a master key has one of three spellings."""
    keyring = load(folder, SMALL + "keyring: {file: keyring.yaml, master_key: 'file:master.key'}\n").keyring
    assert keyring is not None
    assert (keyring.file, keyring.master_key) == (folder / "keyring.yaml", f"file:{folder / 'master.key'}")
    for spelling in ("env:PGVEIL_MASTER_KEY", "vault:transit/pgveil"):
        keyring = load(folder, SMALL + f"keyring: {{file: keyring.yaml, master_key: '{spelling}'}}\n").keyring
        assert keyring is not None
        assert keyring.master_key == spelling
    (line,) = problems(folder, SMALL + "keyring: {file: keyring.yaml, master_key: 5ec7e7}\n")
    assert line == "pgveil.yaml:5: keyring.master_key: should be file:PATH, env:NAME or vault:MOUNT/KEY"
    assert load(folder, SMALL + "keyring:\n").keyring is None


def test_handles_need_a_safe_admin_port(folder: Path) -> None:
    """Tokens are sent there, so it is loopback or has TLS; and handles are kept in a file."""
    for text, words in (
        (SMALL + "handles: {store: h.sqlite}\nadmin: {host: 0.0.0.0}\n", "needs `admin.tls`"),
        (SMALL + "handles: {store: 'postgresql://db/x'}\n", "a database is named by"),
        (SMALL + "handles: {max_per_principal: 5}\n", "needs `store`"),
    ):
        assert words in problems(folder, text)[0]
    tls = "admin: {host: 0.0.0.0, tls: {certificate: server.crt, key: server.key}}\n"
    found = load(folder, SMALL + "handles: {store: h.sqlite}\n" + tls)
    assert found.handles is not None
    assert found.handles.store == folder / "h.sqlite"


def test_handles_in_a_database(folder: Path) -> None:
    """It is one or the other; TLS is left out by default where the server is local only."""
    where = "database: {{host: {}, database: d, user: u, password: p}}"
    for host, tls in (("db.example", "verify-full"), ("localhost", "disable"), ("/run/postgresql", "disable")):
        found = load(folder, SMALL + f"handles: {{{where.format(host)}}}\n").handles
        assert found is not None
        assert found.database is not None
        assert (found.store, found.database.host, found.database.tls) == (None, host, tls)
    (line,) = problems(folder, SMALL + f"handles: {{store: h.sqlite, {where.format('x')}}}\n")
    assert "not both" in line
    (line,) = problems(folder, SMALL + f"handles: {{{where.format('[a, b]')}}}\n")
    assert line.startswith("pgveil.yaml:5: handles.database.host:")


def test_tls_is_required_beyond_loopback(folder: Path) -> None:
    """Listening beyond loopback needs TLS, or a word that it is meant so."""
    (line,) = problems(folder, SMALL + "listen: {host: '::'}\n")
    assert "`tls` is required" in line
    assert load(folder, SMALL + "listen: {host: '::', allow_password_without_tls: true}\n").listen.tls is None
    with_tls = "listen: {host: '::', tls: {certificate: server.crt, key: server.key}}\n"
    assert load(folder, SMALL + with_tls).listen.tls is not None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("policy: policies/clinic", "policy: [a]", "policy: Input is not a valid path"),
        ('jwks: "https://idp.example/jwks"', "jwks: none.json", "jwks: there is no file none.json"),
        ("journal: journal.jsonl", "journal: policies", "audit.journal: cannot be written"),
        ("journal: journal.jsonl", "journal: a/b/c", "audit.journal: cannot be written"),
        ("user: pgveil", "user: ''", "upstream.user: String should have at least 1 character"),
        ("user: pgveil", "user: pgveil, port: 70000", "upstream.port: Input should be less than or equal to 65535"),
        ("user: pgveil", "user: pgveil, databases: clinic", "upstream.databases: must be a list"),
        ("user: pgveil", "user: pgveil, tls: prefer", "upstream.tls: Input should be 'disable'"),
        ("user: pgveil", "user: pgveil, ca: no.crt", "upstream.ca: there is no file no.crt"),
        ("user: pgveil", "user: pgveil, user: other", "upstream.user: is given twice"),
        ("127.0.0.1", "[]", "upstream.host: at least one host is required"),
        ("127.0.0.1", "[db, db]", "upstream.host: a host is listed twice"),
        ("127.0.0.1", "[[db]]", "upstream.host[0]: Input should be a valid string"),
        ("127.0.0.1", "{db: 1}", "upstream.host: must be a list"),
        ("127.0.0.1", '"db:70000"', "upstream.host: has a port that is none"),
        ("127.0.0.1", "[a, b], catalog_check: statement", "upstream: `catalog_check: statement` cannot be kept"),
        ("user: pgveil", "user: pgveil, target_session_attrs: master", "upstream.target_session_attrs: Input should"),
        ("user: pgveil", "user: pgveil, spares: -1", "upstream.spares: Input should be greater than"),
        ("{issuers: [", "{issuers: []} # ", "identity: at least one issuer is required"),
        ("user: pgveil", "user: pgveil, password: [s3cr3t-canary]", "password: Input should be a valid string"),
        ("user: pgveil", "user: &x pgveil", "upstream.user: anchors and aliases"),
        ("user: pgveil", "user: pgveil, [a]: b", "upstream.?: a key must be a word"),
    ],
)  # fmt: skip
def test_single_mistakes(folder: Path, old: str, new: str, words: str) -> None:
    """Each mistake is told with its key in words that say what is expected."""
    assert any(words in line for line in problems(folder, SMALL.replace(old, new)))


def test_issuer_listed_twice(folder: Path) -> None:
    """The same issuer cannot be listed twice."""
    one = '{issuer: i, audience: a, jwks: "https://idp.example/jwks"}'
    text = SMALL.replace(SMALL.splitlines()[1], f"identity: {{issuers: [{one}, {one}]}}")
    assert problems(folder, text) == ["pgveil.yaml:2: identity: an issuer is listed twice"]


@pytest.mark.parametrize(
    ("text", "line"),
    [(f"a: b\npassword: '{SECRET}\n", 3), (f"a: b\nb: *{SECRET}\n", 2), (f"a: b\nb: !{SECRET}!x c\n", 2),
     (f"a: b\n b: {SECRET}\n", 2), (f"a:\n\t- {SECRET}\n", 2), (b"a: b\nb: \xff\n", 2), (b"a: b\x00\n", 1),
     ("[" * 5000, 1), (f"%{SECRET}\na: b", 2), (f"a: @{SECRET}", 1), (f"a: b\n---\n{SECRET}", 2)],
)  # fmt: skip
def test_not_yaml(folder: Path, text: str | bytes, line: int) -> None:
    """What is no YAML is told with its line, and nothing of it is repeated."""
    (told,) = problems(folder, text)
    assert told.startswith(f"pgveil.yaml:{line}: not ")


def test_alias_bomb(folder: Path) -> None:
    """Aliases that would expand without end are refused before they do."""
    text = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert any("anchors and aliases" in line for line in problems(folder, text))


def test_other_files(folder: Path) -> None:
    """A file that is missing, a folder or far too long is named."""
    with pytest.raises(SettingsFileError, match=r"nothing\.yaml: cannot be read"):
        load_settings(folder / "nothing.yaml")
    with pytest.raises(SettingsFileError, match="cannot be read"):
        load_settings(folder)
    assert "longer than" in problems(folder, b"#" * (MAX_SETTINGS_BYTES + 1))[0]
    assert problems(folder, "- a\n- b\n") == ["pgveil.yaml:1: settings: must be a mapping"]
    assert problems(folder, "word") == ["pgveil.yaml:1: settings: must be a mapping"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60) | st.text(alphabet="ab: \n-[]{}'\"&*!|>%@#,?$", max_size=60).map(str.encode))
def test_any_bytes(folder: Path, data: bytes) -> None:
    """Whatever the file holds, the outcome is settings or our own error with a line."""
    with pytest.raises(SettingsFileError, match=r"pgveil\.yaml:\d+: "):
        load(folder, data)
