"""Show where `digestd plan` and `digestd deliver` spend their CPU time.

    python -m tests.bench.profiles [--subscribers 3000] [--papers 500]

Each command runs as a process on SQLite, sends to smtp-sink and is sampled by a timer of its CPU time (setitimer(2),
ITIMER_PROF). A sample counts for the innermost module of digestd, which includes the libraries that it calls.
Prints microseconds per digest by module; `start-up` is imports, and `event loop` is asyncio itself.
"""

import argparse
import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from digestd.digests.text_model import text_model
from tests.bench.smtp_sink import run_sink
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import install

ROOT = Path(__file__).parents[2]
INTERVAL = 0.001
SHOWN = 0.02
"""Share of the time below which a module counts as `others`."""
SAMPLED = "from tests.bench.profiles import sample; sample({!r}); from digestd.cli import main; main()"


def main() -> None:
    """Print the table of performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=3_000)
    parser.add_argument("--papers", type=int, default=500)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="digestd-bench-") as name, run_sink(Path(name)) as relay:
        folder = Path(name)
        made = install(folder / "run", f"sqlite:///{folder / 'digestd.db'}", NOW).to(relay.url, connections=16)
        made.papers(sample_data.papers(given.papers))
        made.people(sample_data.people(given.subscribers))
        text_model(made.db, NOW)
        environment = os.environ | made.environment() | {"PYTHONPATH": str(ROOT)}
        print("| command | module | µs |\n|---|---|---|")
        for words in (["plan"], ["deliver", "--drain"]):
            command = [sys.executable, "-c", SAMPLED.format(str(folder / "profile")), *words]
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            _report(words[0], folder / "profile", sum(made.states.values()))
        made.db.close()


def _report(command: str, profile: Path, digests: int) -> None:
    found = json.loads(profile.read_text())
    samples = Counter[str](found["samples"])
    each = found["cpu"] / samples.total() / digests * 1e6
    least = SHOWN * samples.total()
    shown = [(module, count) for module, count in samples.most_common() if count >= least and module != "others"]
    for module, count in [*shown, ("others", samples.total() - sum(count for _, count in shown))]:
        print(f"| `{command}` | {module} | {count * each:.0f} |")


def sample(file: str) -> None:
    """Sample this process until it ends; then write CPU seconds and samples by module to a file."""
    samples: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: samples.update([_module(_working_frame(frame))]))
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(file).write_text(json.dumps({"cpu": time.process_time(), "samples": samples}))

    atexit.register(write)


def _working_frame(frame: FrameType | None) -> FrameType | None:
    """Return the frame of another thread if the main thread waits for events and the other does not wait."""
    if frame and frame.f_code.co_filename.endswith("selectors.py"):
        for thread, other in sys._current_frames().items():
            waits = other.f_code.co_filename.endswith(("threading.py", "thread.py", "queue.py"))
            if thread != threading.main_thread().ident and not waits:
                return other
    return frame


def _module(frame: FrameType | None) -> str:
    """Return the innermost module of digestd, `event loop` or `start-up`."""
    found = ""
    while frame:
        file = frame.f_code.co_filename
        if "importlib._bootstrap" in file:
            return "start-up"
        if not found and "/asyncio/" in file:
            found = "event loop"
        elif not found and file.startswith(f"{ROOT}/digestd/"):
            found = file.removeprefix(f"{ROOT}/digestd/").removesuffix(".py").replace("/", ".")
        frame = frame.f_back
    return found or "others"


if __name__ == "__main__":
    main()
