"""The Superset that the tests of this folder share, and the proxy that it has its databases behind.

Owns: the fixtures ``behind``, ``site`` and ``browser``. Must not know: what is asked. Invariant: Superset runs with the
code that ``docs/bi-servers.md`` prints for it, with nothing but names and the key's place put in.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from proxy.identity.local_issuer import LocalIssuer
from tests.clients.browser import Browser, open_browser
from tests.clients.browser_proxy import BrowserProxy, run_browser_proxy
from tests.clients.superset.api import Superset
from tests.clients.superset.site import ACCOUNT, ADMIN, HINTED, Site, connection_to, log_in
from tests.clients.web_tools import free_port, program, run_server
from tests.support.postgres import Clinic

_HERE: Final = Path(__file__).parent
_PAGE: Final = _HERE.parents[2] / "docs" / "bi-servers.md"
_ISSUER: Final = "urn:pgveil:local:superset"


@pytest.fixture(scope="session")
def superset_key(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    """The key that Superset signs with who is asking."""
    return LocalIssuer.create(tmp_path_factory.mktemp("superset-key") / "issuer", issuer=_ISSUER)


@pytest.fixture(scope="session")
def behind(
    clinic: Clinic, superset_key: LocalIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserProxy]:
    """The proxy: it takes Superset's hints, requires them of one account, and gives handles."""
    folder = tmp_path_factory.mktemp("superset-proxy")
    keys = {_ISSUER: superset_key.folder, "urn:pgveil:local": folder / "proxy" / "issuer"}
    issuers = [{"issuer": name, "audience": "pgveil", "jwks": str(at / "jwks.json")} for name, at in keys.items()]
    sections = {
        "identity": {"issuers": issuers, "hints": "optional", "hints_required": [ACCOUNT]},
        "handles": {"store": str(folder / "handles.sqlite")},
    }
    with run_browser_proxy(folder, clinic, "clinic_superset", sections=sections) as running:
        yield running


@pytest.fixture(scope="session")
def site(behind: BrowserProxy, superset_key: LocalIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A new Superset with the proxy as a database, and datasets of two of its tables."""
    home = tmp_path_factory.mktemp("superset")
    config = home / "superset_config.py"
    config.write_text(f"{(_HERE / 'superset_config.py').read_text()}\n{_mutator(superset_key)}")
    environment = {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(config),
        "SUPERSET_SECRET_KEY": secrets.token_urlsafe(42),
        "FLASK_APP": "superset.app:create_app()",
    }
    superset = program("superset", "superset")
    password = secrets.token_urlsafe(18)
    person = ("--username", ADMIN, "--firstname", "Dana", "--lastname", "Reyes", "--email", "dana@example.org")
    for command in (("db", "upgrade"), ("fab", "create-admin", *person, "--password", password), ("init",)):
        with (home / "set-up.log").open("ab") as log:
            subprocess.run([superset, *command], env=environment, check=True, cwd=home, stdout=log, stderr=log)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = (superset, "run", "--host", "127.0.0.1", "--port", str(port), "--with-threads")
    with run_server(serve, environment, f"{url}/health", home / "superset.log"):
        api = Superset(url)
        api.log_in(ADMIN, password)
        database = api.add_database("Clinic", *connection_to(behind, behind.password))
        patients = api.add_dataset(database, "clinic", "patients")
        encounters = api.add_dataset(database, "clinic", "encounters")
        yield Site(api, password, behind, database, patients, encounters)


@pytest.fixture(scope="session")
def browser(site: Site) -> Iterator[Browser]:
    """A browser in which the administrator has logged in to Superset."""
    with open_browser() as opened:
        log_in(opened, site.api.url, ADMIN, site.password)
        yield opened


def _mutator(issuer: LocalIssuer) -> str:
    """The page's own code, with the names of this test."""
    blocks = re.findall(r"```python\n(.*?)```", _PAGE.read_text(), flags=re.DOTALL)
    (code,) = (block for block in blocks if "SQL_QUERY_MUTATOR" in block)
    for printed, here in {
        "/etc/superset/pgveil-key.pem": str(issuer.folder / "private.pem"),
        "https://superset.example": issuer.issuer,
        '"kid": "superset"': f'"kid": "{issuer.key_id}"',
        '{"clinic"}': f'{{"{HINTED}"}}',
    }.items():
        assert printed in code, printed
        code = code.replace(printed, here)
    return str(code)
