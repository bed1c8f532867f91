"""The examples in deploy/: they parse, the settings load, alerts and dashboard use metrics and labels that exist."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import promql_parser
import pytest
from ruamel.yaml import YAML

from proxy.metrics import Metrics
from proxy.settings import Settings, load_settings

_DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
_ENVIRON = {"PGVEIL_UPSTREAM_PASSWORD": "not-a-real-one"}

# Labels by metric; `instance` and `job` are Prometheus' own.
_LABELS: dict[str, set[str]] = {
    "pgveil_sessions": set(),
    "pgveil_out_of_step_total": set(),
    "pgveil_replies_unanswered_total": set(),
    "pgveil_logins_total": {"result"},
    "pgveil_statements_total": {"role", "decision"},
    "pgveil_refusals_total": {"role", "reason"},
    "pgveil_columns_returned_total": {"role", "kind", "mask"},
    "pgveil_rows_returned_total": {"role"},
    "pgveil_detokenizations_total": {"role", "domain"},
    "pgveil_handles_total": {"event"},
    "pgveil_plan_seconds": set(),
    "pgveil_statement_seconds": set(),
    "pgveil_plan_cache_total": {"result"},
    "pgveil_upstream_errors_total": {"sqlstate_class"},
    "pgveil_journal_records_total": set(),
    "pgveil_journal_backlog": set(),
    "pgveil_policy_info": {"version"},
    "pgveil_row_loop_info": {"path"},
    "pgveil_policy_reloads_total": {"result"},
}


def _yaml(path: Path) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))


def _metric(sample: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", sample) if "_seconds_" in sample else sample


def _alert_rules() -> list[dict[str, Any]]:
    (document,) = _yaml(_DEPLOY / "prometheus" / "alerts.yaml")
    rules: list[dict[str, Any]] = [rule for group in document["groups"] for rule in group["rules"]]
    return rules


def _dashboard() -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads((_DEPLOY / "grafana" / "pgveil.json").read_text(encoding="utf-8"))
    return dashboard


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _alert_rules())
    for panel in _dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def _settings_files(tmp_path: Path) -> dict[str, Path]:
    """Each settings file of the examples in a folder of its own, with the files that it names beside it."""
    manifests = _yaml(_DEPLOY / "kubernetes" / "pgveil.yaml")
    (mapped,) = (m for m in manifests if m["metadata"]["name"] == "pgveil-settings")
    texts = {
        "server": (_DEPLOY / "settings.yaml").read_text(encoding="utf-8"),
        "docker": (_DEPLOY / "docker" / "settings.yaml").read_text(encoding="utf-8"),
        "kubernetes": mapped["data"]["settings.yaml"],
    }
    files = {}
    for name, text in texts.items():
        folder = tmp_path / name
        for file in (
            "tls/tls.crt",
            "tls/tls.key",
            "upstream-ca.crt",
            "upstream/ca.crt",
            "jwks.json",
            "policies/p.yaml",
        ):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        files[name] = folder / "settings.yaml"
        files[name].write_text(text, encoding="utf-8")
    return files


@pytest.mark.parametrize("name", ["server", "docker", "kubernetes"])
def test_settings_load(name: str, tmp_path: Path) -> None:
    """The example settings are settings: every key exists and every value fits."""
    file = _settings_files(tmp_path)[name]
    settings = load_settings(file, {**_ENVIRON, "STATE_DIRECTORY": str(tmp_path)})
    assert isinstance(settings, Settings)
    assert settings.listen.tls is not None
    assert settings.audit.journal == tmp_path / "journal.jsonl"


def test_every_yaml_file_parses() -> None:
    """Each YAML file holds at least one mapping, and nothing else."""
    files = sorted(_DEPLOY.rglob("*.y*ml"))
    assert files
    for file in files:
        assert all(isinstance(document, dict) for document in _yaml(file)), file


def test_labels_are_those_of_the_metrics() -> None:
    """The labels that this test knows belong to exactly the metrics that a scrape gets."""
    text = Metrics().exposition().decode()
    assert set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)) == set(_LABELS)


def test_expressions_are_promql() -> None:
    """Each is one by Prometheus' own grammar; what Grafana puts in its place is a variable."""
    for expression in _expressions():
        promql_parser.parse(
            expression.replace("$__rate_interval", "5m").replace("$instance", "x").replace("$role", "x")
        )


def test_kubernetes_manifests_fit_their_schemas() -> None:
    """Every field exists and has a value of its type, in the newest Kubernetes; custom resources are the operator's."""
    version = kubernetes_validate.latest_version()
    kinds = []
    for manifest in _yaml(_DEPLOY / "kubernetes" / "pgveil.yaml"):
        if not manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(manifest, version, strict=True)
            kinds.append(manifest["kind"])
    assert kinds == ["ConfigMap", "PersistentVolumeClaim", "Deployment", "Service", "Service"]


def test_composition_fits_its_schema() -> None:
    """docker-compose.yml is one by the Compose specification."""
    schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
    (composition,) = _yaml(_DEPLOY / "docker" / "docker-compose.yml")
    jsonschema.validate(composition, schema)


def test_expressions_use_metrics_that_exist() -> None:
    """Alerts and panels ask for metrics of pgveil (or `up`) and for labels that these have."""
    for expression in _expressions():
        names = re.findall(r"pgveil_\w+", expression)
        assert names or expression.startswith("up{"), expression
        known = {"instance", "job", "le"}
        for name in names:
            assert _metric(name) in _LABELS, f"{name} in {expression}"
            known |= _LABELS[_metric(name)]
        matchers = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
        groupings = [w for by in re.findall(r"\bby \(([^)]*)\)", expression) for w in re.split(r",\s*", by)]
        assert set(matchers) | set(groupings) <= known, expression


def test_histograms_are_asked_for_their_buckets() -> None:
    """A quantile is taken of buckets, grouped by `le`."""
    for expression in _expressions():
        assert ("histogram_quantile" in expression) == ("_seconds_bucket" in expression), expression
        assert "histogram_quantile" not in expression or re.search(r"by \([^)]*\ble\b", expression), expression


def test_alerts_are_whole() -> None:
    """Each alert has a name of its own, a severity, a summary and a description, and names existing labels in them."""
    rules = _alert_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    labels = {"instance"}.union(*_LABELS.values())
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"].keys() == {"summary", "description"}
        used = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        assert set(used) <= labels, rule["alert"]


def test_dashboard_panels_do_not_overlap() -> None:
    """Each panel has a place and a number of its own, and a data source chosen in the dashboard."""
    panels = _dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


def test_kubernetes_manifests_fit_together() -> None:
    """Selectors find the pods, ports have the names that are asked for, and every mounted volume is there."""
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in _yaml(_DEPLOY / "kubernetes" / "pgveil.yaml")}
    deployment = manifests["Deployment", "pgveil"]["spec"]
    pod = deployment["template"]
    assert deployment["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
    for name in ("pgveil", "pgveil-admin"):
        service = manifests["Service", name]["spec"]
        assert service["selector"].items() <= pod["metadata"]["labels"].items()
        assert all(port["targetPort"] in ports for port in service["ports"])
    monitor = manifests["ServiceMonitor", "pgveil"]["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    assert [
        n for (kind, n), m in manifests.items() if kind == "Service" and wanted <= m["metadata"]["labels"].items()
    ] == ["pgveil-admin"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_composition_mounts_files_that_exist() -> None:
    """What docker-compose.yml takes from the project is in the project; only keys and certificates are the user's."""
    folder = _DEPLOY / "docker"
    (composition,) = _yaml(folder / "docker-compose.yml")
    for service in composition["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith(".") and source not in ("./tls", "./jwks.json"):
                assert (folder / source).exists(), source
    build = composition["services"]["pgveil"]["build"]
    assert (folder / build["context"] / build["dockerfile"]).is_file()


def test_image_is_built_from_files_that_exist() -> None:
    """Each file that the Dockerfile copies is in the project and not kept out of the build."""
    text = (_DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    ignore = (_DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for word in line.split()]
    assert copied
    wheel = tomllib.loads((_DEPLOY.parent / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for needed in (*wheel["packages"], *wheel["force-include"], wheel["hooks"]["custom"]["path"]):
        assert any(Path(needed).is_relative_to(name) for name in copied), needed
    for name in copied:
        assert (_DEPLOY.parent / name).exists(), name
        assert f"!{name}" in ignore
    assert re.search(r"^USER \d+", text, re.MULTILINE)
    assert "HEALTHCHECK" in text


def test_unit_is_hardened_and_gives_time_to_drain() -> None:
    """The systemd unit runs unprivileged and read-only, reloads by SIGHUP, and waits longer than a drain takes."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = lambda optionstr: optionstr  # type: ignore[method-assign]
    unit.read_string((_DEPLOY / "systemd" / "pgveil.service").read_text(encoding="utf-8"))
    service = dict(unit["Service"])
    assert service["ExecReload"].startswith("/bin/kill -HUP")
    assert int(service["TimeoutStopSec"]) > 25
    for key, value in {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict"}.items():
        assert service[key] == value
