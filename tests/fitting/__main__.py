"""Fit to files of judgments or to labelled days: see the package."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import tests.fitting
from digestd.cli.evaluate import read_cases
from digestd.ranking import fusion
from digestd.ranking.encoders import open_encoder
from digestd.ranking.subjects import FEATURES, MEANING
from tests.fitting import topics
from tests.fitting.weights import learn_weights


def main() -> None:
    """Fit, write the file, and print a line for each set."""
    parser = argparse.ArgumentParser(
        description=tests.fitting.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["weights", "topics", "encoder"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--papers", type=Path, action="append", default=[])
    parser.add_argument("--judgments", type=Path, action="append", default=[])
    parser.add_argument("--days", type=Path)
    parser.add_argument("--embedding-model", default="", help="as for `digestd evaluate`")
    parser.add_argument("--lists", type=Path, help="papers with the day on which they were listed")
    parser.add_argument("--weights", type=Path, help="model.safetensors of all-MiniLM-L6-v2; tokenizer.json beside it")
    parser.add_argument("--steps", type=int, default=400, help="of training; 0 only quantises")
    given = parser.parse_args()
    if given.what == "encoder":
        if not (given.days and given.lists and given.weights and given.papers and given.judgments):
            parser.error("give --days, --lists, --weights, --papers and --judgments")
        _fit_encoder(given)
        return
    if given.what == "topics":
        if given.days is None:
            parser.error("give the folder of whole days with --days")
        _fit_topics(given.out, given.days, given.embedding_model)
        return
    if not given.papers or len(given.papers) != len(given.judgments):
        parser.error("give a file of papers for each file of judgments")
    sets = {
        str(judged): read_cases(papers, judged, None, None, given.embedding_model)
        for papers, judged in zip(given.papers, given.judgments, strict=True)
    }
    learnt = learn_weights(sets)
    given.out.write_text(fusion.dump_weights(learnt.weights), encoding="utf-8")
    for name in sets:
        print(json.dumps({"judgments": name, "before": learnt.before[name], "unseen": learnt.unseen[name]}))


def _fit_encoder(given: argparse.Namespace) -> None:
    from tokenizers import Tokenizer  # noqa: PLC0415  # only this needs JAX, which takes a second to import

    from tests.fitting import bert, encoder, labels  # noqa: PLC0415  # the same

    tokenizer = Tokenizer.from_file(str(given.weights.with_name("tokenizer.json")))
    before = bert.load_weights(given.weights)
    every = labels.readings()
    texts = labels.read_texts(given.days, given.lists, labels.MONTHS)
    liked = labels.read_liked(given.papers, given.judgments)
    split = {name: [reading for reading in every if reading.split == name] for name in ("train", "development")}
    recipe = encoder.Recipe(steps=given.steps)
    after = encoder.train(before, tokenizer, split["train"], texts, liked, recipe) if given.steps else before
    for name, weights in (("before", before), ("after", after)):
        found = encoder.average_precision(weights, tokenizer, split["development"], texts)
        print(json.dumps({"average precision": name, **found}))
    bert.export(after, given.out)


def _fit_topics(out: Path, folder: Path, embedding_model: str) -> None:
    days = list(topics.read_days(folder, open_encoder(embedding_model)))
    developed, held = topics.halves(days)
    for dense in (True, False):
        row = asdict(topics.measure(held, topics.fit(developed, dense)))
        print(json.dumps({"held out": "dense" if dense else "sparse", **row}))
        for feature in FEATURES:
            if dense or feature not in MEANING:
                fewer = topics.fit(topics.without(developed, feature), dense)
                row = asdict(topics.measure(topics.without(held, feature), fewer))
                print(json.dumps({"without": feature, **row}))
    out.write_text(topics.dumps(topics.fit(days), topics.fit(days, dense=False)), encoding="utf-8")


if __name__ == "__main__":
    main()
