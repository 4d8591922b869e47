"""Measure ranking at several sizes, and refitting profiles and text model.

    python -m tests.bench.ranking_speed --subscribers 100000 --papers 1000 --archive 100000 [--json]

`linear` as in `tests.bench.rank`: 1 is linear, less is better; the exit code is 1 above 1.2, or if a profile of up
to 100 likes takes more than 3 ms. `refit_ms`: one subscriber's ridge regression after a click, with 10, 100 and 500
likes; `click_ms`: the same, with 1,000 papers ranked again. `model_…`: a text model fitted on the archive in a process
of its own.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context

from digestd.digests.resource_limits import single_blas_thread
from digestd.domain.interest import Interest, Kind
from digestd.domain.paper import Paper, PaperId, Words
from digestd.ranking.candidates import build_candidates
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.fusion import score
from digestd.ranking.model import dumps, fit
from digestd.ranking.profile import compile_profiles
from digestd.ranking.seeds import Seed
from tests.bench import synthetic_data
from tests.bench.rank import RankingLoad, measure_ranking

LINEAR, REFIT_MS = 1.2, 3.0
NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)


def judged(found: Mapping[str, object]) -> list[str]:
    """Return the missed goals: ratios, and CPU times that depend on the core's speed."""
    linear, refits = found["linear"], found["refit_ms"]
    assert isinstance(linear, dict)
    assert isinstance(refits, dict)
    far = [f"linear in {name}: {value}" for name, value in linear.items() if value and value > LINEAR]
    return far + [f"refit at {likes} likes: {ms} ms" for likes, ms in refits.items() if likes <= 100 and ms > REFIT_MS]


def refit(likes: int, papers: int = 0) -> float:
    """Return the milliseconds to compile one profile again; the best of seven.

    Args:
        likes: How many papers the subscriber likes.
        papers: How many papers of the day to rank as well, as after a click.
    """
    texts = [_text(line) for line in synthetic_data.synthetic_papers(2_000, 1, "old")]
    model = fit(texts)
    candidates = build_candidates(
        [_paper(n, text) for n, text in enumerate(texts[-papers:] if papers else [])], model, NOW
    )
    seeds = {PaperId(f"old:{n}"): Seed("", text) for n, text in enumerate(texts[:likes])}
    wants = [ProfileInput(tuple(Interest(Kind.PAPER, name) for name in seeds), seeds)]
    compile_profiles(wants, model, candidates)
    times = []
    with single_blas_thread():  # as in planning: at 100 likes two threads use five times the CPU of one
        for _ in range(7):
            began = time.process_time()
            score(candidates, compile_profiles(wants, model, candidates))
            times.append(time.process_time() - began)
    return round(min(times) * 1e3, 2)


def model_fit(papers: int) -> dict[str, object]:
    """Fit a text model; return seconds of CPU, peak memory and stored size.

    Args:
        papers: How many texts to fit.
    """
    texts = [_text(line) for line in synthetic_data.synthetic_papers(papers, 3, "old")]
    began = time.process_time()
    fitted = fit(texts)
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"model_seconds": round(seconds, 1), "model_rss_mib": round(peak), "model_mib": len(dumps(fitted)) >> 20}


def _text(line: bytes) -> str:
    record = json.loads(line)
    return f"{record['title']}. {record['abstract']}"


def _paper(number: int, text: str) -> Paper:
    return Paper(
        key=number,
        id=PaperId(f"new:{number}"),
        revision=number,
        words=Words("", text),
        plain_title="",
        plain_abstract=text,
        published=NOW,
        first_seen=NOW,
    )


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--papers", type=int, default=1_000)
    parser.add_argument("--archive", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        found = alone.submit(model_fit, given.archive).result()
    found |= {"refit_ms": {likes: refit(likes) for likes in (10, 100, 500)}}
    found |= {"click_ms": {likes: refit(likes, 1_000) for likes in (10, 100, 500)}}
    found |= measure_ranking(RankingLoad(given.subscribers, given.papers), NOW)
    found |= {"judged": judged(found)}
    print(json.dumps(found, indent=None if given.json else 2))
    sys.exit(bool(found["judged"]))


if __name__ == "__main__":
    main()
