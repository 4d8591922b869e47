"""Fit to files of judgments or to labelled days: see the package."""

import argparse
import json
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path

import tests.fitting
from digestd.cli.evaluate import read_cases
from digestd.ranking import fusion
from digestd.ranking.calibration import MIN_SCORES
from digestd.ranking.encoders import open_encoder
from digestd.ranking.subjects import FEATURES
from tests.fitting import labels, topics
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
    parser.add_argument("--days", type=Path, help="a folder of whole days")
    parser.add_argument("--test", action="store_true", help="measure on the test part as well")
    parser.add_argument("--embedding-model", default="", help="as for `digestd evaluate`")
    parser.add_argument("--lists", type=Path, help="papers with the day on which they were listed")
    parser.add_argument("--weights", type=Path, help="model.safetensors of all-MiniLM-L6-v2; tokenizer.json beside it")
    parser.add_argument("--steps", type=int, default=900, help="of training; 0 only quantises")
    given = parser.parse_args()
    if given.what == "encoder":
        if not (given.days and given.lists and given.weights and given.papers and given.judgments):
            parser.error("give --days, --lists, --weights, --papers and --judgments")
        _fit_encoder(given)
        return
    if given.what == "topics":
        if not (given.days and given.lists):
            parser.error("give --days and --lists")
        _fit_topics(given)
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

    from tests.fitting import bert, encoder, vocabulary  # noqa: PLC0415  # the same

    readings, texts = _read(given)
    asked, liked = labels.asked(), labels.read_liked(given.papers, given.judgments)
    names = [*labels.names(), *(labels.Names(tuple(wish), ()) for own in asked.values() for wish in own)]
    english = [text.both for day in texts.values() for text in day.values()] + [text for own in liked for text in own]
    tokenizer, before, new = vocabulary.extend(
        Tokenizer.from_file(str(given.weights.with_name("tokenizer.json"))),
        bert.load_weights(given.weights),
        [(each.own[0], other) for each in names for other in each.own[1:]],
        english,
    )
    lessons = encoder.Lessons(readings["train"], texts, asked, names, liked)
    after = encoder.train(before, tokenizer, new, lessons, encoder.Recipe(steps=given.steps)) if given.steps else before
    for name, weights in (("before", before), ("after", after)):
        found = encoder.average_precision(weights, tokenizer, readings["development"], texts)
        print(json.dumps({"average precision": name, **found}))
    given.out.mkdir(exist_ok=True)
    bert.export(after, given.out / "model.onnx")
    pieces = sorted(tokenizer.get_vocab().items(), key=itemgetter(1))
    (given.out / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in pieces), encoding="utf-8")


def _fit_topics(given: argparse.Namespace) -> None:
    readings, texts = _read(given)
    encoder = open_encoder(given.embedding_model)
    trained, unseen = (list(topics.read(readings[name], texts, encoder)) for name in ("train", "development"))
    # what the encoder was trained on looks nearer than what people will type, but whole days tell how rare hits are
    whole = [one for one in trained if one.reading.is_whole]
    for chance in MIN_SCORES.values():
        found = topics.measure(unseen, topics.cross_validate(unseen, whole), chance)
        print(json.dumps({"chance": chance, **asdict(found)}))
    for feature in FEATURES:
        found = topics.measure(
            unseen, topics.cross_validate(*(topics.without(each, feature) for each in (unseen, whole)))
        )
        print(json.dumps({"without": feature, **asdict(found)}))
    fitted = topics.fit([*unseen, *whole])
    held = topics.read(readings["test"], texts, encoder) if given.test else ()
    for group, own in topics.groups(list(held)).items():
        print(json.dumps({"test": group, **asdict(topics.measure(own, [topics.log_odds(one, fitted) for one in own]))}))
    given.out.write_text(topics.dumps(fitted, topics.fit([*trained, *unseen], dense=False)), encoding="utf-8")


def _read(given: argparse.Namespace) -> tuple[dict[str, list[labels.Reading]], dict[str, dict[str, labels.Text]]]:
    """Return what was read for wishes, by split, and the papers of each day."""
    readings = [reading for reading in labels.readings() if reading.wordings]
    readings += labels.lists_of_readers({reading.day: reading.split for reading in readings})
    splits = {name: [reading for reading in readings if reading.split == name] for name in labels.SPLITS}
    return splits, labels.read_texts(given.days, given.lists, labels.MONTHS)


if __name__ == "__main__":
    main()
