"""Train the model of gists: `python -m tests.gists.train PAPERS…`.

PAPERS are .jsonl.gz files with `id`, `title` and `abstract` of the papers that `read.txt` and `judged.txt.gz` label.
The result is `digestd/gists/model.npz`; the same data give the same figures up to the last digits of the linear
algebra. Each trait is a logistic regression with an L2 penalty, fitted by L-BFGS. Features of few sentences are left
out, and those with the largest weights are kept, in 8 bits.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from digestd.gists import model
from digestd.gists.standing import stand
from tests.gists.labelled import READ, LabelledAbstract, read_judged, read_read

PENALTY, STEPS, SENTENCES_MIN, KEPT = 1.0, 100, 8, 14_000
JUDGED_WEIGHT = 0.02
"""How much a sentence that a model judged counts beside one labelled by reading."""
Floats = NDArray[np.float64]


def main() -> None:
    """Train and store the model."""
    parser = argparse.ArgumentParser(description="Train the model of gists.")
    parser.add_argument("papers", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path(model.__file__).with_name(model.MODEL))
    options = parser.parse_args()
    features, weights, bias = train(read_judged(options.papers), read_read(options.papers))
    np.savez_compressed(options.out, allow_pickle=False, **pack(features, weights), bias=bias.astype(np.float32))
    print(f"{options.out}: {options.out.stat().st_size} bytes")


def train(judged: Sequence[LabelledAbstract], read: Sequence[LabelledAbstract]) -> tuple[list[int], Floats, Floats]:
    """Return the features, their weights (features, traits) and the bias of each trait."""
    found = [
        names
        for one in (*judged, *read)
        for names in model.features(one.title, one.sentences, list(map(stand, one.sentences)))
    ]
    truth = np.vstack([one.traits for one in (*judged, *read)])
    is_read = np.isin(model.TRAITS, READ)
    counts = np.tile(np.where(is_read, JUDGED_WEIGHT, 1.0), (len(truth), 1))
    counts[-sum(len(one.sentences) for one in read) :] = is_read
    met = Counter(name for names in found for name in set(names))
    known = {name: row for row, name in enumerate(sorted(name for name in met if met[name] >= SENTENCES_MIN))}
    columns = [[known[name] for name in names if name in known] for names in found]
    ends = np.cumsum([0, *map(len, columns)])
    matrix = sp.csr_array((np.ones(ends[-1]), np.concatenate(columns), ends), shape=(len(found), len(known)))
    fitted = np.array([_logistic(matrix, *one) for one in zip(truth.T, counts.T, strict=True)])
    return list(known), fitted[:, :-1].T, fitted[:, -1]


def _logistic(matrix: sp.csr_array, truth: Floats, counts: Floats) -> Floats:
    """Return the weights of a logistic regression, and last its bias."""
    turned = matrix.T.tocsr()

    def loss(values: Floats) -> tuple[float, Floats]:
        scores = matrix @ values[:-1] + values[-1]
        missed = counts * (expit(scores) - truth)
        total = (counts * (np.logaddexp(0, scores) - truth * scores)).sum() + PENALTY / 2 * values[:-1] @ values[:-1]
        return float(total), np.append(turned @ missed + PENALTY * values[:-1], missed.sum())

    start = np.zeros(matrix.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def pack(features: Sequence[int], weights: Floats) -> dict[str, NDArray[np.generic]]:
    """Return the arrays to store: sorted keys as gaps in 16 bits, weights in 8 bits, and the scale of each column."""
    rows: dict[int, Floats] = {}
    for row in np.argsort(-np.abs(weights).max(axis=1), kind="stable")[:KEPT]:
        rows.setdefault(features[row] >> model.SHIFT, weights[row])
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
