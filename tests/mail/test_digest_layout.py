"""The order in which a digest shows its picks."""

from hypothesis import given
from hypothesis import strategies as st

from digestd.domain.digest import Pick, Reason, ReasonKind, Section
from digestd.mail.digest_layout import Heading, HeadingKind, blocks, order_shown

A, B = Reason(ReasonKind.TOPIC, "lakes"), Reason(ReasonKind.NEAR_TOPIC, "lakes")
C, D = Reason(ReasonKind.PHRASE, "open data"), Reason(ReasonKind.LIKED, "A Title")
REASONS = [A, B, C, D, Reason(ReasonKind.REFERENCE, "Mine"), Reason(ReasonKind.AUTHOR, "Jane"), Reason(ReasonKind.NEW)]


def picks(*reasons: Reason, section: Section = Section.FOR_YOU) -> list[Pick]:
    """Return a pick for each reason."""
    return [Pick(n, n, 1.0, section, reason) for n, reason in enumerate(reasons)]


def test_blocks_group_by_interest() -> None:
    shown = blocks(picks(D, A, C, B, D, C))
    assert [(block.heading, block.places) for block in shown] == [
        (Heading(HeadingKind.FOR_YOU), (0,)),
        (Heading(HeadingKind.TOPIC, "lakes"), (1, 3)),
        (Heading(HeadingKind.PHRASE, "open data"), (2, 5)),
        (Heading(HeadingKind.ALSO), (4,)),
    ]
    assert order_shown(picks(D, A, C, B, D, C)) == (0, 1, 3, 2, 5, 4)


def test_blocks_keep_the_ranking_if_groups_are_small() -> None:
    for few in (picks(A, C, B, D), picks(D, D, D), picks(A)):
        assert blocks(few) == ((Heading(HeadingKind.FOR_YOU), tuple(range(len(few)))),)


def test_blocks_show_an_only_paper_under_its_interest() -> None:
    lakes, data = Heading(HeadingKind.TOPIC, "lakes"), Heading(HeadingKind.PHRASE, "open data")
    assert blocks(picks(C, A, B, A)) == ((data, (0,)), (lakes, (1, 2, 3)))
    assert blocks(picks(A, B, A, C)) == ((lakes, (0, 1, 2)), (data, (3,)))


def test_blocks_call_only_papers_with_votes_trending() -> None:
    voted, new = Reason(ReasonKind.TREND, "3"), Reason(ReasonKind.NEW)
    assert blocks(picks(voted, new, section=Section.TRENDING)) == (
        (Heading(HeadingKind.TRENDING), (0,)),
        (Heading(HeadingKind.NEW), (1,)),
    )


def test_blocks_hide_private_references() -> None:
    reference = Reason(ReasonKind.REFERENCE, "Mine")
    assert blocks(picks(*[reference] * 4)) == blocks(picks(*[reference.shareable] * 4))


@given(st.lists(st.tuples(st.sampled_from(REASONS), st.sampled_from(list(Section))), max_size=30))
def test_order_shown_has_each_place_once(chosen: list[tuple[Reason, Section]]) -> None:
    made = [Pick(n, n, 1.0, section, reason) for n, (reason, section) in enumerate(chosen)]
    assert sorted(order_shown(made)) == list(range(len(made)))
    for block in blocks(made):
        assert list(block.places) == sorted(block.places), "the ranking stays within a block"
