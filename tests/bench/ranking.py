"""digestd's ranker against arxiv-sanity-lite's on judged cases, user by user.

    python -m tests.bench.ranking --papers P.jsonl --judgments J.jsonl [--judgments K.jsonl …] [--json]

Both see the same papers and rank the same candidates. Each line: nDCG@10 of ours and theirs, and the mean
difference over users with its 95 % bootstrap interval.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from digestd.evaluate import Outcome, cases, difference, outcome, read_judgments, read_papers, summary
from digestd.evaluate.run import scored
from digestd.ranking.model import fit
from tests.bench.sanity import Sanity

MEASURE = "ndcg@10"


def compare(papers: Path, judgments: Sequence[Path]) -> Iterator[dict[str, object]]:
    """One row for each file of judgments."""
    library = read_papers(papers)
    model, rival = fit(paper.text for paper in library.values()), Sanity(library)
    for path in judgments:
        judged = read_judgments(path)
        found = list(cases(library, judged, model))
        ours = [outcome(case) for case in found]
        theirs = [scored(case, rival.scores(case, judged[case.n])) for case in found]
        apart = difference(ours, theirs)[MEASURE]
        yield {
            "judgments": path.name,
            "cases": len(found),
            "users": len({case.user for case in found}),
            "ours": round(_mean(ours), 4),
            "theirs": round(_mean(theirs), 4),
            "difference": round(apart.value, 4),
            "low": round(apart.low, 4),
            "high": round(apart.high, 4),
        }


def _mean(outcomes: Sequence[Outcome]) -> float:
    return summary((done.user, done.measures) for done in outcomes)[MEASURE].value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--papers", type=Path, required=True)
    parser.add_argument("--judgments", type=Path, required=True, action="append")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for row in compare(given.papers, given.judgments):
        line = json.dumps(row) if given.json else "\t".join(f"{name} {value}" for name, value in row.items())
        print(line, flush=True)


if __name__ == "__main__":
    main()
