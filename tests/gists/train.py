"""Train the model of gists: `python -m tests.gists.train FOLDER PAPERS…`.

FOLDER holds `csabstruct.train.jsonl.gz`, `csabstruct.dev.jsonl.gz` and `scitldr_a.train.jsonl.gz`; PAPERS are .jsonl.gz
files with `id`, `title` and `abstract` of the papers that `read.txt` and `traits.txt.gz` label. The result is
`digestd/gists/model.npz`; the same data give the same figures up to the last digits of the linear algebra.
With `--hold-out` the dev split of CSAbstruct is left out, to measure on it, and `--out` names another file.

The roles are a conditional random field (Lafferty et al., ICML 2001), fitted by L-BFGS with an L2 penalty; abstracts
count by the agreement of their annotators. The traits and what names contribution and result are logistic regressions.
Features of few sentences are left out, and those with the largest weights are kept, in 8 bits.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from digestd.gists import choice, roles
from digestd.gists.sentences import ROLES
from digestd.gists.standing import leanings, stand
from tests.gists.labelled import (
    LabelledAbstract,
    ReadAbstract,
    SummarisedAbstract,
    read_labelled,
    read_read,
    read_summarised,
    read_traits,
)

PENALTY = 5.0
CHOICE_PENALTY = 8.0
NAMING_PENALTY = 15.0
TRAIT_PENALTY = 2.0
STEPS = 100
SENTENCES_MIN, TRAIT_SENTENCES_MIN = 3, 8
KEPT, TRAITS_KEPT = 9_000, 7_000
READ_WEIGHT = 4.0
"""How much a sentence labelled by reading counts beside one labelled by rules."""
_COUNT = len(ROLES)
Floats = NDArray[np.float64]


def main() -> None:
    """Train and store the model."""
    parser = argparse.ArgumentParser(description="Train the model of gists.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("papers", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path(roles.__file__).with_name(roles.MODEL))
    parser.add_argument("--hold-out", action="store_true")
    options = parser.parse_args()
    labelled = read_labelled(options.folder / "csabstruct.train.jsonl.gz")
    if not options.hold_out:
        labelled += read_labelled(options.folder / "csabstruct.dev.jsonl.gz")
    names, weights, transitions = train_roles(labelled)
    read = read_read(options.papers)
    trait_names, trait_weights, bias = train_traits(read_traits(options.papers), read)
    arrays = pack((names, weights, KEPT), (trait_names, trait_weights, TRAITS_KEPT)) | {
        "transitions": transitions.astype(np.float32),
        "bias": bias.astype(np.float32),
        "choice": np.zeros(1, dtype=np.float32),
        "naming": np.zeros((2, 2), dtype=np.float32),
    }
    np.savez_compressed(options.out, **arrays)
    model = roles.read_model(options.out)
    arrays["choice"] = train_choice(read_summarised(options.folder / "scitldr_a.train.jsonl.gz"), model)
    arrays["naming"] = train_naming(read, model)
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size} bytes")


def features(title: str, sentences: Sequence[str], model: roles.GistModel) -> Floats:
    """Return the features of the sentences of an abstract, as `digestd.gists.extraction` judges them."""
    texts = [stand(sentence) for sentence in sentences]
    return choice.features(title, texts, *model.judge(texts, leanings(title, texts)))


def train_roles(abstracts: Sequence[LabelledAbstract]) -> tuple[list[str], Floats, Floats]:
    """Return the names of the features, their weights (features, roles) and the transitions (roles, roles)."""
    found = [names for abstract in abstracts for names in roles.sentence_features(list(map(stand, abstract.sentences)))]
    counts = Counter(name for names in found for name in names)
    known = {name: row for row, name in enumerate(sorted(n for n, count in counts.items() if count >= SENTENCES_MIN))}
    field = _Field(abstracts, _matrix(found, known))
    size = len(known) * _COUNT
    best = minimize(field.loss, np.zeros(size + _COUNT**2), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    return list(known), best[:size].reshape(-1, _COUNT), best[size:].reshape(_COUNT, _COUNT)


def train_traits(ruled: Sequence[ReadAbstract], read: Sequence[ReadAbstract]) -> tuple[list[str], Floats, Floats]:
    """Return the names of the features, their weights (features, traits) and the bias of each trait.

    Abstracts that were read tell only which sentences need the one before them.
    """
    found, traits, counts = list[list[str]](), list[Floats](), list[Floats]()
    known_ids = {abstract.id for abstract in read}
    for abstract in [*[one for one in ruled if one.id not in known_ids], *read]:
        texts = list(map(stand, abstract.sentences))
        leans = leanings(abstract.title, texts)
        tokens = map(roles.tokens, texts)
        found += [[*roles.own_features(text, place), *leans[place]] for place, text in enumerate(tokens)]
        traits.append(abstract.traits)
        count = [READ_WEIGHT, 0, 0, 0, 0] if abstract.id in known_ids else np.ones(len(roles.TRAITS))
        counts.append(np.tile(count, (len(texts), 1)))
    met = Counter(name for names in found for name in set(names))
    known = {name: row for row, name in enumerate(sorted(n for n in met if met[n] >= TRAIT_SENTENCES_MIN))}
    matrix = _matrix(found, known)
    fitted = [
        _logistic(matrix, truth, count, TRAIT_PENALTY)
        for truth, count in zip(np.vstack(traits).T, np.vstack(counts).T, strict=True)
    ]
    return list(known), np.array([one[:-1] for one in fitted]).T, np.array([one[-1] for one in fitted])


def train_naming(abstracts: Sequence[ReadAbstract], model: roles.GistModel) -> Floats:
    """Return the weights, and last the bias, of the chances to name contribution and result, (features + 1, 2)."""
    matrix = np.vstack([features(abstract.title, abstract.sentences, model) for abstract in abstracts])
    truth = np.vstack([abstract.naming for abstract in abstracts])
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0) + 1e-6
    scaled, counts = (matrix - centre) / spread, np.ones(len(matrix))
    fitted = np.array([_logistic(scaled, one, counts, NAMING_PENALTY) for one in truth.T])
    weights = fitted[:, :-1] / spread
    return np.vstack([weights.T, fitted[:, -1] - weights @ centre])


def _logistic(matrix: sp.csr_array | Floats, truth: Floats, counts: Floats, penalty: float) -> Floats:
    """Return the weights of a logistic regression, and last its bias."""
    turned = matrix.T.tocsr() if sp.issparse(matrix) else matrix.T

    def loss(values: Floats) -> tuple[float, Floats]:
        scores = matrix @ values[:-1] + values[-1]
        missed = counts * (expit(scores) - truth)
        total = (counts * (np.logaddexp(0, scores) - truth * scores)).sum() + penalty / 2 * values[:-1] @ values[:-1]
        return float(total), np.append(turned @ missed + penalty * values[:-1], missed.sum())

    start = np.zeros(matrix.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def _matrix(found: Sequence[Sequence[str]], known: dict[str, int]) -> sp.csr_array:
    columns = [[known[name] for name in names if name in known] for names in found]
    ends = np.cumsum([0, *map(len, columns)])
    data = np.ones(ends[-1])
    return sp.csr_array((data, np.concatenate(columns), ends), shape=(len(columns), len(known)))


class _Field:
    """The loss of a linear-chain CRF; abstracts are padded to the longest."""

    def __init__(self, abstracts: Sequence[LabelledAbstract], matrix: sp.csr_array) -> None:
        self.matrix, self.turned = matrix, matrix.T.tocsr()
        lengths = np.array([len(abstract.sentences) for abstract in abstracts])
        self.mask = np.arange(lengths.max()) < lengths[:, None]
        self.roles = np.zeros(self.mask.shape, dtype=int)
        self.roles[self.mask] = [ROLES.index(label) for abstract in abstracts for label in abstract.labels]
        agreement = np.array([abstract.agreement for abstract in abstracts])
        self.counts = agreement / agreement.mean()
        self.gold = np.eye(_COUNT)[self.roles[self.mask]]
        self.row_counts = np.repeat(self.counts, lengths)

    def loss(self, values: Floats) -> tuple[float, Floats]:
        """Return the penalised negative log-likelihood and its gradient."""
        weights = values[: -(_COUNT**2)].reshape(-1, _COUNT)
        transitions = values[-(_COUNT**2) :].reshape(_COUNT, _COUNT)
        scores = self.matrix @ weights
        padded = np.zeros((*self.mask.shape, _COUNT))
        padded[self.mask] = scores
        forward, backward = self._forward(padded, transitions), self._backward(padded, transitions)
        total = logsumexp(forward[:, -1], axis=1)
        expected = np.exp(forward + backward - total[:, None, None])[self.mask]
        loss = self.counts @ total - self.row_counts @ (scores * self.gold).sum(axis=1)
        steps = np.zeros_like(transitions)
        for place in range(1, self.mask.shape[1]):
            here = self.mask[:, place]
            ahead = padded[here, place] + backward[here, place]
            joint = forward[here, place - 1][:, :, None] + transitions + ahead[:, None] - total[here][:, None, None]
            steps += np.einsum("a,aij->ij", self.counts[here], np.exp(joint))
            pairs = (self.roles[here, place - 1], self.roles[here, place])
            np.add.at(steps, pairs, -self.counts[here])
            loss -= self.counts[here] @ transitions[pairs]
        gradient = self.turned @ ((expected - self.gold) * self.row_counts[:, None])
        whole = np.concatenate([gradient.ravel(), steps.ravel()]) + PENALTY * values
        return float(loss + PENALTY / 2 * values @ values), whole

    def _forward(self, padded: Floats, transitions: Floats) -> Floats:
        found = padded.copy()
        for place in range(1, padded.shape[1]):
            step = logsumexp(found[:, place - 1][:, :, None] + transitions, axis=1) + padded[:, place]
            found[:, place] = np.where(self.mask[:, place][:, None], step, found[:, place - 1])
        return found

    def _backward(self, padded: Floats, transitions: Floats) -> Floats:
        found = np.zeros_like(padded)
        for place in range(padded.shape[1] - 2, -1, -1):
            ahead = padded[:, place + 1] + found[:, place + 1]
            step = logsumexp(ahead[:, None] + transitions, axis=2)
            found[:, place] = np.where(self.mask[:, place + 1][:, None], step, 0)
        return found


def train_choice(abstracts: Sequence[SummarisedAbstract], model: roles.GistModel) -> Floats:
    """Return the weights of the features for which the expected ROUGE of the sentence is greatest."""
    blocks = [features(a.title, a.sentences, model) for a in abstracts]
    matrix = np.vstack(blocks)
    centre, spread = matrix.mean(axis=0), matrix.std(axis=0) + 1e-6
    scaled = (matrix - centre) / spread
    reward = np.concatenate([abstract.rouge.sum(axis=1) for abstract in abstracts])
    starts = np.cumsum([0, *map(len, blocks)])[:-1]
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = scaled @ weights
        chances = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        chances /= np.add.reduceat(chances, starts)[owner]
        expected = np.add.reduceat(chances * reward, starts)
        gradient = -scaled.T @ (chances * (reward - expected[owner])) + CHOICE_PENALTY * weights
        return float(CHOICE_PENALTY / 2 * weights @ weights - expected.sum()), gradient

    best = minimize(loss, np.zeros(matrix.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return np.asarray(best / spread)  # the centre is the same for all sentences of an abstract


def pack(*fitted: tuple[Sequence[str], Floats, int]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays to store: sorted keys as gaps in 16 bits, weights in 8 bits, and the scale of each column.

    Args:
        fitted: Names of features, their weights (features, columns), and how many are kept; the columns stand side by
            side.
    """
    rows: dict[int, Floats] = {}
    width, start = sum(weights.shape[1] for _, weights, _ in fitted), 0
    for names, weights, kept in fitted:
        centred = weights - weights.mean(axis=1, keepdims=True) if weights is fitted[0][1] else weights
        columns = slice(start, start + weights.shape[1])
        for row in np.argsort(-np.abs(centred).max(axis=1), kind="stable")[:kept]:
            rows.setdefault(roles.key(names[row]), np.zeros(width))[columns] = centred[row]
        start = columns.stop
    keys = sorted(rows)
    table = np.array([rows[name] for name in keys])
    scale = np.abs(table).max(axis=0) / 127
    gaps = np.diff(keys, prepend=0)
    if gaps.max() >= 1 << 16:
        raise ValueError("a gap between keys is too large for 16 bits")
    return {
        "gaps": gaps.astype(np.uint16),
        "weights": np.round(table / scale).astype(np.int8),
        "scale": scale.astype(np.float32),
    }


if __name__ == "__main__":
    main()
