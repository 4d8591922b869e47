"""Train the model of gists: `python -m tests.gists.train FOLDER`.

FOLDER holds `csabstruct.train.jsonl.gz`, `csabstruct.dev.jsonl.gz` and `scitldr_a.train.jsonl.gz`. The result is
`digestd/gists/model.npz`; the same data give the same figures up to the last digits of the linear algebra.
With `--hold-out` the dev split of CSAbstruct is left out, to measure on it, and `--out` names another file.

The roles are a conditional random field (Lafferty et al., ICML 2001), fitted by L-BFGS with an L2 penalty; abstracts
count by the agreement of their annotators. Features of fewer than three sentences are left out, and the 10,000 with
the largest weights are kept, in 8 bits.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from digestd.gists import choice, roles
from digestd.gists.sentences import ROLES
from tests.gists.labelled import LabelledAbstract, SummarisedAbstract, read_labelled, read_summarised

PENALTY = 5.0
CHOICE_PENALTY = 8.0
STEPS = 100
SENTENCES_MIN = 3
KEPT = 10_000
_COUNT = len(ROLES)
Floats = NDArray[np.float64]


def main() -> None:
    """Train and store the model."""
    parser = argparse.ArgumentParser(description="Train the model of gists.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(roles.__file__).with_name(roles.MODEL))
    parser.add_argument("--hold-out", action="store_true")
    options = parser.parse_args()
    labelled = read_labelled(options.folder / "csabstruct.train.jsonl.gz")
    if not options.hold_out:
        labelled += read_labelled(options.folder / "csabstruct.dev.jsonl.gz")
    stored = pack(*train_roles(labelled))
    store(options.out, stored, np.zeros(1))
    summarised = read_summarised(options.folder / "scitldr_a.train.jsonl.gz")
    store(options.out, stored, train_choice(summarised, roles.read_model(options.out)))
    print(f"{options.out}: {options.out.stat().st_size} bytes")


def train_roles(abstracts: Sequence[LabelledAbstract]) -> tuple[list[str], Floats, Floats]:
    """Return the names of the features, their weights (features, roles) and the transitions (roles, roles)."""
    found = [names for abstract in abstracts for names in roles.sentence_features(abstract.sentences)]
    counts = Counter(name for names in found for name in names)
    known = {name: row for row, name in enumerate(sorted(n for n, count in counts.items() if count >= SENTENCES_MIN))}
    field = _Field(abstracts, _matrix(found, known))
    size = len(known) * _COUNT
    best = minimize(field.loss, np.zeros(size + _COUNT**2), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    return list(known), best[:size].reshape(-1, _COUNT), best[size:].reshape(_COUNT, _COUNT)


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
    blocks = [choice.features(a.title, a.sentences, model.probabilities(a.sentences)) for a in abstracts]
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


@dataclass(frozen=True, slots=True)
class PackedRoles:
    """The model of roles as it is stored; see `pack`."""

    gaps: NDArray[np.uint16]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    transitions: NDArray[np.float32]


def store(file: Path, packed: PackedRoles, choice_weights: Floats) -> None:
    """Write a model that `digestd.gists.roles.read_model` reads."""
    np.savez_compressed(
        file,
        gaps=packed.gaps,
        weights=packed.weights,
        scale=packed.scale,
        transitions=packed.transitions,
        choice=choice_weights,
    )


def pack(names: Sequence[str], weights: Floats, transitions: Floats) -> PackedRoles:
    """Return the arrays to store: sorted keys as gaps in 16 bits, weights in 8 bits, and their scale."""
    centred = weights - weights.mean(axis=1, keepdims=True)
    best = np.argsort(-np.abs(centred).max(axis=1), kind="stable")[:KEPT]
    rows: dict[int, Floats] = {}
    for row in best:
        rows.setdefault(roles.key(names[row]), centred[row])
    keys = sorted(rows)
    scale = max(float(np.abs(row).max()) for row in rows.values()) / 127
    gaps = np.diff(keys, prepend=0)
    if gaps.max() >= 1 << 16:
        raise ValueError("a gap between keys is too large for 16 bits")
    return PackedRoles(
        gaps=gaps.astype(np.uint16),
        weights=np.round(np.array([rows[name] for name in keys]) / scale).astype(np.int8),
        scale=np.array(scale, dtype=np.float32),
        transitions=transitions.astype(np.float32),
    )


if __name__ == "__main__":
    main()
