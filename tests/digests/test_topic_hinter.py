"""Test hints about topics for commands and mails."""

from datetime import datetime

from digestd.digests.topic_hints import TopicHinter
from digestd.ranking.dense import NoEncoder
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.support.install import Install


def test_hints_come_before_the_first_plan(library_of: Install, now: datetime) -> None:
    hinter = TopicHinter(library_of.db, NoEncoder)
    assert hinter.hints(["fota tatamu"], now)[0].papers > 0
    assert hinter.not_understood(["fota tatamu", "qzzx vwkq"], now) == ["qzzx vwkq"]
