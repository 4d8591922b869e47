"""Compare digestd's ranker with arxiv-sanity-lite's on judged cases, per user.

    python -m tests.bench.ranking [--cases FOLDER] [--json]

A folder holds libraries, NAME.papers.jsonl.gz, and the judgments on each, NAME_*.judgments.jsonl.gz. Both rankers see
the same papers and rank the same candidates. Each line: nDCG@10 of both, the mean difference over users with its 95 %
bootstrap interval, and the conclusion: `level` if the interval contains 0.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from digestd.evaluation.compare import difference
from digestd.evaluation.judgments import read_judgments, read_papers
from digestd.evaluation.metrics import Estimate, summary
from digestd.evaluation.scoring import CaseResult, case_result, evaluate_case, judged_cases
from digestd.ranking.model import fit
from tests.bench.sanity import Sanity
from tests.outside import outside

MEASURE = "ndcg@10"
COLUMNS = ("judgments", "cases", "users", "ours", "theirs", "difference", "low", "high", "verdict")


def compare(folder: Path) -> Iterator[dict[str, object]]:
    """Return one row for each file of judgments."""
    for papers in sorted(folder.glob("*.papers.jsonl*")):
        name = papers.name.partition(".")[0]
        yield from _on_library(papers, sorted(folder.glob(f"{name}_*.judgments.jsonl*")))


def _on_library(papers: Path, judgments: Sequence[Path]) -> Iterator[dict[str, object]]:
    library = read_papers(papers)
    model, rival = fit(paper.text for paper in library.values()), Sanity(library)
    for path in judgments:
        judged = read_judgments(path)
        found = list(judged_cases(library, judged, model))
        ours = [evaluate_case(case) for case in found]
        theirs = [case_result(case, rival.scores(case, judged[case.n])) for case in found]
        apart = difference(ours, theirs)[MEASURE]
        yield {
            "judgments": path.name.partition(".")[0],
            "cases": len(found),
            "users": len({case.user for case in found}),
            "ours": round(_mean(ours), 4),
            "theirs": round(_mean(theirs), 4),
            "difference": round(apart.value, 4),
            "low": round(apart.low, 4),
            "high": round(apart.high, 4),
            "verdict": _verdict(apart),
        }


def _mean(outcomes: Sequence[CaseResult]) -> float:
    return summary((done.user, done.measures) for done in outcomes)[MEASURE].value


def _verdict(apart: Estimate) -> str:
    return "better" if apart.low > 0 else "worse" if apart.high < 0 else "level"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, help="folder of libraries and judgments")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    if not given.json:
        print("\t".join(COLUMNS))
    for row in compare(given.cases or outside("eval")):
        line = json.dumps(row) if given.json else "\t".join(str(row[name]) for name in COLUMNS)
        print(line, flush=True)


if __name__ == "__main__":
    main()
