"""bench: it runs anywhere, without settings, and counts everybody."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_ranking_is_measured_without_settings_or_database(tmp_path: Path) -> None:
    digestd = str(Path(sys.executable).with_name("digestd"))
    words = ["bench", "rank", "--subscribers", "1200", "--papers", "60", "--archive", "120", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    done = subprocess.run([digestd, *words], cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["subscribers"] == 1200
    assert found["papers"] == 60
    assert found["reasons"] == 1200 * 15
    assert found["cpu_us"] > found["bare_us"] > 0
    assert list(tmp_path.iterdir()) == []
