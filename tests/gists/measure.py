"""Measure the gists on labelled abstracts: `python -m tests.gists.measure FILE…`.

A file is a split of CSAbstruct or SciTLDR (.jsonl or .jsonl.gz), told by its fields. `--model` measures another model,
such as one that `tests.gists.train --hold-out` made without the dev split of CSAbstruct.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from digestd.gists import extraction, roles
from digestd.gists.sentences import METHOD, OBJECTIVE, RESULT, ROLES, Sentence
from tests.gists.labelled import LabelledAbstract, SummarisedAbstract, is_summarised, read_labelled, read_summarised
from tests.gists.train import features

LIMITS = (480, 440, 320)
NEW = {OBJECTIVE, METHOD}


def main() -> None:
    """Print the measures of each file."""
    parser = argparse.ArgumentParser(description="Measure gists on labelled abstracts.")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    model = roles.read_model(options.model) if options.model else roles.load_model()
    for file in options.files:
        if is_summarised(file):
            first, second, longest = best_sentence_rouge(read_summarised(file), model)
            print(f"{file.name}: one sentence: ROUGE-1 {first:.1f}, ROUGE-2 {second:.1f}, ROUGE-L {longest:.1f}")
            continue
        abstracts = read_labelled(file)
        accuracy, macro = role_accuracy(abstracts, model)
        print(f"{file.name}: roles: accuracy {accuracy:.3f}, macro-F1 {macro:.3f}")
        for limit in LIMITS:
            new, out = named(abstracts, limit, model)
            print(f"{file.name}: gist of {limit}: contribution {new:.3f}, result {out:.3f}")


def role_accuracy(abstracts: Sequence[LabelledAbstract], model: roles.GistModel) -> tuple[float, float]:
    """Return the accuracy and the macro-averaged F1 of the roles."""
    gold = np.array([ROLES.index(label) for abstract in abstracts for label in abstract.labels])
    told = np.array([ROLES.index(role) for abstract in abstracts for role in model.roles(abstract.sentences)])
    scores = [
        2 * np.sum((gold == role) & (told == role)) / max(1, np.sum(gold == role) + np.sum(told == role))
        for role in range(len(ROLES))
    ]
    return float(np.mean(gold == told)), float(np.mean(scores))


def best_sentence_rouge(abstracts: Sequence[SummarisedAbstract], model: roles.GistModel) -> list[float]:
    """Return the mean ROUGE-1, -2 and -L, in percent, of the sentence that is chosen alone."""
    chosen = [a.rouge[int((features(a.title, a.sentences, model) @ model.choice).argmax())] for a in abstracts]
    return [float(value) for value in 100 * np.mean(chosen, axis=0)]


def named(abstracts: Sequence[LabelledAbstract], limit: int, model: roles.GistModel) -> tuple[float, float]:
    """Return the shares of gists that name the contribution and the result, of the abstracts that have them."""
    new, out = list[bool](), list[bool]()
    for abstract in abstracts:
        judged = extraction.judge("", [Sentence(sentence) for sentence in abstract.sentences], model)
        shown = {abstract.labels[place] for place in extraction.choose(judged, limit)}
        new += [bool(shown & NEW)] if NEW.intersection(abstract.labels) else []
        out += [RESULT in shown] if RESULT in abstract.labels else []
    return float(np.mean(new)), float(np.mean(out))


if __name__ == "__main__":
    main()
