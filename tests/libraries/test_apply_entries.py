"""Check the likes that follow from library changes and own feedback.

In any sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.domain.interest import Interest, Kind, Stance
from digestd.domain.library import EntryStatus, LibraryEntry, apply_entries
from digestd.domain.paper import PaperId

PAPERS = [PaperId(f"doi:10.5555/{n}") for n in range(4)]
MOST = 2
Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "take", "like", "mute", "let go", "sync", "sync"]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.integers(0, len(PAPERS) - 1),
    ),
    min_size=5,
    max_size=40,
)


@dataclass
class Reader:
    """Two libraries, a subscriber's own feedback, and the likes that follow."""

    stands: dict[tuple[int, str], LibraryEntry] = field(default_factory=dict)
    entries: tuple[LibraryEntry, ...] = ()
    interests: tuple[Interest, ...] = (Interest(Kind.TOPIC, "ice"),)
    muted: set[str] = field(default_factory=set)

    def do(self, step: Step) -> None:
        what, library, name, n = step
        paper, key = PAPERS[n], (library, str(name))
        if what == "put":
            self.stands[key] = LibraryEntry(library, str(name), paper, f"2026-11-{n + 1:02}")
        elif what == "take":
            self.stands.pop(key, None)
        elif what == "sync":
            self.sync()
        else:
            self.say(what, paper)

    def say(self, what: str, paper: PaperId) -> None:
        self.interests = tuple(interest for interest in self.interests if interest.value != paper)
        self.muted.discard(paper)
        if what != "let go":
            self.interests += (Interest(Kind.PAPER, paper, Stance.LIKED if what == "like" else Stance.MUTED),)
            self.muted |= {paper} if what == "mute" else set()

    def sync(self) -> None:
        counted = {(entry.library, entry.name): entry.status for entry in self.entries}
        after = [
            LibraryEntry(one.library, one.name, one.paper, one.day, counted.get(key, EntryStatus.BEYOND))
            for key, one in sorted(self.stands.items())
        ]
        settled = apply_entries(self.entries, after, self.interests, MOST)
        self.entries, self.interests = settled.entries, settled.interests


def liked(interests: Sequence[Interest]) -> set[str]:
    return {i.value for i in interests if i.kind is Kind.PAPER and i.stance is Stance.LIKED}


@settings(max_examples=100)
@given(STEPS)
def test_apply_entries_is_idempotent_and_keeps_own_interests(steps: list[Step]) -> None:
    reader = Reader()
    for step in [*steps, ("sync", 0, 0, 0)]:
        reader.do(step)
    again = apply_entries(reader.entries, reader.entries, reader.interests, MOST)
    assert (again.entries, again.interests, again.added, again.removed) == (reader.entries, reader.interests, 0, 0)
    assert Interest(Kind.TOPIC, "ice") in reader.interests
    assert reader.muted <= {i.value for i in reader.interests if i.stance is Stance.MUTED}
    values = [i.value for i in reader.interests]
    assert len(values) == len(set(values))
    for entry in reader.entries:
        assert (entry.status is EntryStatus.LIKED) <= (entry.paper in liked(reader.interests))
        assert (entry.status is EntryStatus.BEYOND) <= (len(liked(reader.interests)) >= MOST)


@settings(max_examples=100)
@given(STEPS)
def test_apply_entries_likes_only_entries_and_own_interests(steps: list[Step]) -> None:
    reader = Reader()
    for step in [step for step in steps if step[0] != "like"]:
        reader.do(step)
    reader.sync()
    assert liked(reader.interests) <= {entry.paper for entry in reader.entries}
    assert len(liked(reader.interests)) <= MOST


@settings(max_examples=100)
@given(STEPS)
def test_removed_like_does_not_come_back_by_its_entry(steps: list[Step]) -> None:
    reader = Reader()
    for step in steps:
        if step[0] == "let go":
            reader.sync()
        reader.do(step)
        if step[0] == "let go":
            reader.sync()
            assert PAPERS[step[3]] not in liked(reader.interests)
