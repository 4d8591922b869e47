"""The benchmarks run without settings or a database."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.postfix import tool

BENCH = (sys.executable, "-m")


def test_bench_rank_needs_no_settings(tmp_path: Path) -> None:
    command = [*BENCH, "tests.bench.rank", "--subscribers", "1600", "--papers", "40", "--archive", "60", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["subscribers"] == 1600
    assert found["papers"] == 40
    assert found["reasons"] == 1600 * 15
    assert found["cpu_us"] > found["bare_us"] > 0
    assert set(found["linear"]) == {"subscribers", "papers"}
    assert found["each_us"]["all"] > 0 < found["start_ms"]
    assert list(tmp_path.iterdir()) == []


def test_bench_papers_divides_the_cost_of_a_paper() -> None:
    command = [*BENCH, "tests.bench.papers", "--papers", "60", "--archive", "60", "--pairs", "1", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found["papers"] == 60
    assert all(found[f"{part}_us"] > 0 for part in ("read", "tex", "gist", "store", "bare"))
    assert found["all_us"] > found["bare_us"]


def test_bench_search_finds_by_an_index() -> None:
    command = [*BENCH, "tests.bench.search", "--papers", "300", "--rounds", "1", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found["papers"] == 300
    assert found["ms"].keys() == found["found"].keys()
    assert found["found"]["no such word"] == 0
    assert all(found["found"][kind] for kind in ("common word", "Chinese", "identifier"))
    assert found["words_bytes"] > found["index_bytes"] > 0


def test_bench_delivery_compares_with_smtp_source(tmp_path: Path) -> None:
    words = ["tests.bench.delivery", "--subscribers", "40", "--papers", "40", "--procs", "1", "--pairs", "1", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    command = [*BENCH, *words, "--dkim", "ed25519"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["sent"] == found["arrived"] > 20
    assert found["duplicates"] == 0
    assert found["broken"] == []
    assert found["client_us"] > 0 < found["run_in_s"]
    assert (found["of_go"] is not None) is (shutil.which("go") is not None)
    if found["relay"] == "smtp-sink":
        assert 0 < found["cpu_ratio"]["min"] <= found["cpu_ratio"]["median"] <= found["cpu_ratio"]["max"]
    else:
        assert found["ratio"] is found["cpu_ratio"] is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_bench_delivery_to_a_relay_that_answers_late(tmp_path: Path) -> None:
    words = ["tests.bench.delivery", "--subscribers", "20", "--papers", "40", "--procs", "1", "--pairs", "1", "--json"]
    late = ["--relay-latency", "5", "--relay-connections", "2", "--no-pipelining"]
    done = subprocess.run([*BENCH, *words, *late], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["relay"] == "built-in"
    assert found["sent"] == found["arrived"] > 10
    assert 0 < found["of_allowed"] <= 1
    assert found["broken"] == []


@pytest.mark.long
def test_bench_day_sends_at_the_hour(tmp_path: Path) -> None:
    words = ["tests.bench.day", "--subscribers", "40", "--papers", "40", "--json"]
    found = json.loads(subprocess.run([*BENCH, *words], cwd=tmp_path, capture_output=True, check=True).stdout)
    assert found["mails"] > 20
    assert 0 < found["first"] <= found["last"]
    assert 0 < found["cpu"]["first"] <= found["cpu"]["last"]


@pytest.mark.long
def test_bench_delivery_into_postfix(tmp_path: Path) -> None:
    tool("postfix")
    if os.geteuid() != 0:
        pytest.skip("only root can start a private Postfix")
    words = ["tests.bench.delivery", "--subscribers", "300", "--papers", "40", "--procs", "1", "--pairs", "1", "--json"]
    command = [*BENCH, *words, "--relay", "postfix"]
    with tempfile.TemporaryDirectory() as outside:  # Postfix's daemons cannot enter pytest's folder
        Path(outside).chmod(0o755)
        environment = {**os.environ, "TMPDIR": outside}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["relay"] == "postfix"
    assert found["sent"] == found["arrived"] > 10
    assert found["relay_us"] > 0  # counted in ticks of 10 ms in each of its processes, so of some hundred mails


@pytest.mark.long
def test_bench_delivery_without_postfix_uses_builtin_sink(tmp_path: Path) -> None:
    words = ["tests.bench.delivery", "--subscribers", "20", "--papers", "40", "--procs", "1", "--pairs", "1", "--json"]
    code = "from tests.bench import delivery, smtp_sink; smtp_sink._PATH = ''; delivery.main()"
    done = subprocess.run([sys.executable, "-c", code, *words[1:]], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["relay"] == "built-in"
    assert found["sent"] == found["arrived"] > 10
    assert found["ratio"] is None


@pytest.mark.long
def test_bench_delivery_on_postgresql_leaves_no_files(tmp_path: Path, postgres_url: str) -> None:
    words = ["tests.bench.delivery", "--subscribers", "20", "--papers", "40", "--procs", "1", "--pairs", "1", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGESTD_")}
    command = [*BENCH, *words, "--database", postgres_url]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["sent"] == found["arrived"] > 10
    assert list(tmp_path.iterdir()) == []
