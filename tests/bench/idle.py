"""Measure an idle `digestd up`: memory, and how often its threads wake up.

    python -m tests.bench.idle [--seconds 120]

The service runs on a new, empty installation without sources. After a minute, the voluntary context switches of all its
threads (proc_pid_status(5)) are counted. `rss_mib` contains the files that other processes share; `private_mib` does
not. Goals: 5,000 an hour and 100 MiB.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.postgres import free_port

SETTLE_SECONDS = 60


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--seconds", type=int, default=120)
    seconds = options.parse_args().seconds
    with TemporaryDirectory(prefix="digestd-") as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")} | {
            "DIGESTD_WEB_PORT": str(free_port()),
            "DIGESTD_SOURCES": "none",
            "DIGESTD_TRANSPORT_URL": "maildir:outbox",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        service = subprocess.Popen([sys.executable, "-m", "digestd", "up"], cwd=folder, env=environment)
        try:
            time.sleep(SETTLE_SECONDS)
            before = _total(service.pid, "voluntary_ctxt_switches")
            time.sleep(seconds)
            count = _total(service.pid, "voluntary_ctxt_switches") - before
            found = {
                "wakeups_an_hour": round(count * 3_600 / seconds),
                "rss_mib": _field(Path(f"/proc/{service.pid}/status"), "VmRSS") // 1024,
                "private_mib": _field(Path(f"/proc/{service.pid}/status"), "RssAnon") // 1024,
            }
        finally:
            service.terminate()
            service.wait()
    print(json.dumps(found))


def _total(process: int, field: str) -> int:
    """Return the sum of a field over all threads."""
    return sum(_field(status, field) for status in Path(f"/proc/{process}/task").glob("*/status"))


def _field(status: Path, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+)", status.read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
