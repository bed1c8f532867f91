"""Superset's REST API, as far as the test needs it.

Owns: logging in, and one method for each thing that is made. Must not know: pgveil, what is expected of an answer.
Invariant: an answer that is no success is an error with Superset's own words, and every answer is remembered.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_TIMEOUT_S: Final = 60.0


@dataclass(slots=True)
class Superset:
    """A running Superset. ``answers`` has the text of everything that it said."""

    url: str
    answers: list[str] = field(default_factory=list, repr=False)
    _token: str | None = field(default=None, repr=False)

    def log_in(self, name: str, password: str) -> None:
        """Get an access token for what follows."""
        login = {"username": name, "password": password, "provider": "db", "refresh": False}
        self._token = self.ask("POST", "security/login", login)["access_token"]

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """One request; the answer's JSON. Raises AssertionError for any status but success."""
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(  # noqa: S310 - a server on this machine
            f"{self.url}/api/v1/{path}",
            method=method,
            headers=headers,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from None
        self.answers.append(text)
        return json.loads(text)

    def roles(self) -> Mapping[str, int]:
        """The roles that people can have, and their numbers."""
        return {role["name"]: role["id"] for role in self.ask("GET", "security/roles/?q=(page_size:100)")["result"]}

    def add_role(self, name: str) -> int:
        """Make a role without rights of its own."""
        return int(self.ask("POST", "security/roles/", {"name": name})["id"])

    def add_person(self, name: str, password: str, roles: Sequence[int]) -> None:
        """Make a user with these roles."""
        person = {"username": name, "first_name": name, "last_name": name, "email": f"{name}@example.org"}
        self.ask("POST", "security/users/", {**person, "active": True, "password": password, "roles": list(roles)})

    def add_database(self, name: str, uri: str, connect_args: Mapping[str, str]) -> int:
        """Register a database; ``connect_args`` are kept encrypted, and may be as long as they like."""
        encrypted = json.dumps({"connect_args": connect_args})
        body = {"database_name": name, "sqlalchemy_uri": uri, "masked_encrypted_extra": encrypted}
        tested = self.ask("POST", "database/test_connection/", body)
        assert tested["message"] == "OK", tested
        return int(self.ask("POST", "database/", {**body, "expose_in_sqllab": True})["id"])

    def schemas(self, database: int) -> list[str]:
        """The schemas that it finds."""
        return list(self.ask("GET", f"database/{database}/schemas/?q=(force:!t)")["result"])

    def tables(self, database: int, schema: str) -> list[str]:
        """The tables and views that it finds in a schema."""
        found = self.ask("GET", f"database/{database}/tables/?q=(force:!t,schema_name:{schema})")["result"]
        return [table["value"] for table in found]

    def describe(self, database: int, schema: str, table: str) -> Mapping[str, Any]:
        """Columns, keys and indexes, as SQL Lab shows them beside the editor."""
        found: Mapping[str, Any] = self.ask("GET", f"database/{database}/table_metadata/?name={table}&schema={schema}")
        return found

    def add_dataset(self, database: int, schema: str, table: str) -> int:
        """Make a dataset of a table and read its columns anew."""
        body = {"database": database, "schema": schema, "table_name": table}
        made = int(self.ask("POST", "dataset/", body)["id"])
        self.ask("PUT", f"dataset/{made}/refresh")
        return made

    def columns(self, dataset: int) -> Mapping[str, str]:
        """A dataset's columns and their types."""
        found = self.ask("GET", f"dataset/{dataset}")["result"]["columns"]
        return {column["column_name"]: column["type"] for column in found}

    def values(self, dataset: int, column: str) -> list[Any]:
        """What a filter on a column offers."""
        return list(self.ask("GET", f"datasource/table/{dataset}/column/{column}/values/")["result"])

    def data(self, dataset: int, query: Mapping[str, object]) -> list[Mapping[str, Any]]:
        """The rows of a chart's query."""
        body = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "force": True}
        result = self.ask("POST", "chart/data", {**body, "result_format": "json", "result_type": "full"})["result"]
        return list(result[0]["data"])

    def add_chart(self, dataset: int, name: str, kind: str, form: Mapping[str, object], dashboard: int) -> int:
        """Make a chart that is on a dashboard."""
        body = {
            "slice_name": name,
            "viz_type": kind,
            "datasource_id": dataset,
            "datasource_type": "table",
            "params": json.dumps({"viz_type": kind, "datasource": f"{dataset}__table", **form}),
            "dashboards": [dashboard],
        }
        return int(self.ask("POST", "chart/", body)["id"])

    def add_dashboard(self, title: str) -> int:
        """Make a dashboard with nothing on it."""
        return int(self.ask("POST", "dashboard/", {"dashboard_title": title, "published": True})["id"])

    def lay_out(self, dashboard: int, rows: Sequence[Sequence[int]]) -> None:
        """Put charts on a dashboard, row by row, all of one row equally wide."""
        layout: dict[str, Any] = {
            "DASHBOARD_VERSION_KEY": "v2",
            "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
            "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        }
        for number, charts in enumerate(rows):
            row = f"ROW-{number}"
            layout["GRID_ID"]["children"].append(row)
            layout[row] = {
                "type": "ROW",
                "id": row,
                "children": [f"CHART-{chart}" for chart in charts],
                "parents": ["ROOT_ID", "GRID_ID"],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }
            for chart in charts:
                layout[f"CHART-{chart}"] = {
                    "type": "CHART",
                    "id": f"CHART-{chart}",
                    "children": [],
                    "parents": ["ROOT_ID", "GRID_ID", row],
                    "meta": {"chartId": chart, "width": 12 // len(charts), "height": 42},
                }
        self.ask("PUT", f"dashboard/{dashboard}", {"position_json": json.dumps(layout)})

    def run(self, database: int, sql: str, schema: str = "clinic") -> Mapping[str, Any]:
        """Run a statement as SQL Lab does."""
        body = {"database_id": database, "schema": schema, "sql": sql, "runAsync": False, "queryLimit": 1000}
        found: Mapping[str, Any] = self.ask("POST", "sqllab/execute/", body)
        return found
