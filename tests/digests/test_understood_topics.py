"""Test that topics in other languages, lists and paragraphs bring the papers that they mean."""

import pytest

from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import digests, reader
from tests.support.install import Install

PARAGRAPH = (
    "I am a PhD student working on gaits of legged robots: reinforcement learning, trajectory optimization. I also care"
    f" about how animals walk on ice{' and on other slippery ground' * 8}. Nothing on vostok tidepool lanterns please."
)


@pytest.mark.parametrize(
    "topic",
    [
        "verstärkendes Lernen",
        "Robotik und verstärkendes Lernen",
        "aprendizaje por refuerzo",
        "强化学习、机器人",
        PARAGRAPH,
    ],
)
def test_topic_brings_what_it_means(bare: Install, topic: str) -> None:
    bare.papers(
        {"id": f"shelf:{n}", "title": f"{title} {n}", "abstract": f"We study {title.lower()} of walkers."}
        for n, title in enumerate(["Reinforcement learning"] * 3 + ["Vostok tidepool lanterns"] * 3)
    )
    bare.people([reader(topics=[topic])])
    assert bare.plan().planned == 1
    [digest] = digests(bare)
    assert set(digest.names) == {"0", "1", "2"}
    assert {pick.reason.value for pick in digest.picks} == {topic}


def test_reason_names_the_topic_of_a_query(bare: Install) -> None:
    lists = ["kelp forests, sea otters, and ice cores", "snow & hail forecasts", "robotics and reinforcement learning"]
    bare.papers({"id": f"shelf:{n}", "title": f"Reinforcement learning {n}"} for n in range(4))
    bare.people([reader(topics=lists)])
    assert bare.plan().planned == 1
    assert {pick.reason.value for pick in digests(bare)[0].picks} == {lists[2]}
