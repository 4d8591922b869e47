"""Fit to files of judgments: see the package."""

import argparse
import json
from pathlib import Path

import tests.fitting
from digestd.cli.evaluate import read_cases
from digestd.ranking import calibration, fusion
from tests.fitting.calibration import calibrate
from tests.fitting.weights import learn_weights


def main() -> None:
    """Fit, write the file, and print a line for each set."""
    parser = argparse.ArgumentParser(
        description=tests.fitting.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["weights", "calibration"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--papers", type=Path, action="append", required=True)
    parser.add_argument("--judgments", type=Path, action="append", required=True)
    parser.add_argument("--embedding-model", default="", help="as for `digestd evaluate`")
    given = parser.parse_args()
    if len(given.papers) != len(given.judgments):
        parser.error("give a file of papers for each file of judgments")
    sets = {
        str(judged): read_cases(papers, judged, None, None, given.embedding_model)
        for papers, judged in zip(given.papers, given.judgments, strict=True)
    }
    if given.what == "weights":
        learnt = learn_weights(sets)
        given.out.write_text(fusion.dump_weights(learnt.weights), encoding="utf-8")
        before, unseen = learnt.before, learnt.unseen
    else:
        fitted = calibrate(sets)
        given.out.write_text(calibration.dumps(fitted.calibration), encoding="utf-8")
        before, unseen = fitted.before, fitted.unseen
    for name in sets:
        print(json.dumps({"judgments": name, "before": before[name], "unseen": unseen[name]}))


if __name__ == "__main__":
    main()
