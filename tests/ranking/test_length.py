"""Test the length signal: a preference for long or short papers."""

from dataclasses import replace

import numpy as np

from digestd.domain.interest import Kind
from digestd.domain.paper import PaperId
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.profile import Profiles, compile_profiles
from digestd.ranking.seeds import Seed
from digestd.ranking.signals import length
from tests.ranking.library import candidates, likes, paper

WORD = "ice "


def day() -> CandidateSet:
    """Return papers whose titles and abstracts grow from one to the next."""
    return candidates([replace(paper(j, "glaciers", "Ice" * (j + 1), WORD * 9 * (j + 1)), key=j) for j in range(8)])


def reader(of: CandidateSet, *words: int) -> Profiles:
    """Return a subscriber who likes papers of so many words."""
    seeds = {
        PaperId(f"old:{n}"): Seed("Ice" * many, f"{'Ice' * many}. {WORD * 9 * many}") for n, many in enumerate(words)
    }
    return compile_profiles([ProfileInput(likes(*((Kind.PAPER, name) for name in seeds)), seeds)], of.model, of)


def test_length_follows_liked_lengths() -> None:
    of = day()
    long, short = (length.score(of, reader(of, *words))[0] for words in ((9, 9, 9), (0, 0, 0)))
    assert (np.diff(long) > 0).all()
    assert (np.diff(short) < 0).all()


def test_length_strength_grows_with_likes() -> None:
    of = day()
    one, few, many = (np.ptp(length.score(of, reader(of, *[5] * n))) for n in (1, 8, 100))
    assert 0 < one < few
    assert many <= np.ptp(length.score(of, reader(of, *[9] * 5))) + 1e-5


def test_length_is_zero_without_likes() -> None:
    of = day()
    assert not length.score(of, reader(of)).any()
