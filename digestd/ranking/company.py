"""Company: the latent places of new texts, drawn towards the archive's texts that are most like them.

What one text leaves unsaid, those beside it say: expanding documents by their neighbours (Singhal & Pereira 1999;
Liu & Croft 2004). Measured in nDCG@10 on seven sets: between ±0 and +.008, +.002 on topics and +.003 on five likes of
citeulike.
"""

import numpy as np

from digestd.ranking.arrays import Floats
from digestd.ranking.model import unit

NEAREST = 10
"""Neighbours: with 5 and with 20 measured less even."""
SAME = 0.97
"""A cosine above which a neighbour is the text itself."""
BLOCK = 250
"""Texts compared with the archive at a time."""


def drawn(places: Floats, archive: Floats) -> Floats:
    """The places (m, d) of texts, of length 1, each with the mean of its nearest in the archive (r, d).

    The nearer these are, the more they weigh: those of no field of their own draw nobody.
    """
    if not len(archive) or not places.size:
        return places
    means = [_company(places[start : start + BLOCK], archive) for start in range(0, len(places), BLOCK)]
    return unit(places + np.concatenate(means))


def _company(places: Floats, archive: Floats) -> Floats:
    """The mean of the nearest, each by its cosine, as long as these are on average."""
    cosine = places @ archive.T
    cosine[cosine > SAME] = 0
    count = min(NEAREST, len(archive))
    nearest = np.argpartition(cosine, len(archive) - count, axis=1)[:, len(archive) - count :]
    near = np.maximum(np.take_along_axis(cosine, nearest, axis=1), 0)
    means: Floats = near.mean(axis=1, keepdims=True) * unit(np.einsum("mk,mkd->md", near, archive[nearest]))
    return means
