"""The alert rules and the dashboard ask for what /metrics says."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from digestd.app import App
from tests.test_deploy import DEPLOY, run, tool
from tests.web.conftest import local_client

pytestmark = pytest.mark.slow

MONITORING = DEPLOY / "monitoring"
RULES = MONITORING / "alerts.yml"


@pytest.mark.parametrize("file", [RULES, MONITORING / "grafana.json"], ids=lambda file: file.name)
def test_every_metric_that_is_asked_for_exists(file: Path, app: App) -> None:
    with local_client(app) as client:
        families = text_string_to_metric_families(client.get("/metrics").text)
        known = {family.name for family in families}
    asked = set(re.findall(r"\bdigestd_[a-z_]+", file.read_text()))
    assert len(asked) > 5
    assert asked - known == set()


def test_rules_are_valid_and_fire(tmp_path: Path) -> None:
    checked = run(tool("promtool"), "check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    series = {
        'up{job="digestd"}': ("0x2000", "10m", "DigestdGone"),
        "digestd_last_tick_timestamp_seconds": ("0x2000", "30m", "DigestdPlansNothing"),
        'digestd_relay_stopped{relay="a"}': ("3x2000", "15m", "DigestdRelayStopped"),
        'digestd_deliveries{state="uncertain"}': ("1x2000", "25h", "DigestdMailsUncertain"),
        "digestd_backup_failed": ("1x2000", "10m", "DigestdBackupFailed"),
        "digestd_bounces_held": ("4x2000", "15m", "DigestdMailsRefused"),
        'digestd_source_state{source="arxiv-rss:cs.CL", state="broken"}': ("1x2000", "25h", "DigestdSourceFails"),
    }
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values}],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
                    "eval_time": at,
                    "exp_samples": [{"labels": "{}", "value": fires}],
                }
                for at, fires in ((after, 1), ("1m", 0))
            ],
        }
        for name, (values, after, alert) in series.items()
    ]
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    tested = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_dashboard_has_a_place_for_every_panel() -> None:
    board = json.loads((MONITORING / "grafana.json").read_text())
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(places) > 10
