"""Judgments with known relevant papers."""

from digestd.domain.interest import Interest, Kind
from digestd.evaluation.judgments import Judgment
from tests.ranking.library import FIELDS, likes

TOPICS = ("glacier ice", "honeybee foragers", "quantum", "medieval ledgers")


def judgments() -> list[Judgment]:
    """Return per field one user with a topic and one with a like.

    The rest of the field is relevant.
    """
    found = []
    for place, field in enumerate(FIELDS):
        own = [f"made:{4 * place + j}" for j in range(4)]
        topic = (Interest(Kind.TOPIC, TOPICS[place]),)
        found.append(Judgment(f"asks {field}", topic, dict.fromkeys(own, 1.0)))
        found.append(Judgment(f"likes {field}", likes((Kind.PAPER, own[0])), dict.fromkeys(own[1:], 1.0)))
    return found
