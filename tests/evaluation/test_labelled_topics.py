"""Check the labels of topics: what people type, in several wordings, and which of the papers read they want.

`topics/wishes.jsonl` has the wishes, `likes.jsonl` readers who only like papers, and `readings.jsonl` the papers of one
day that are `wanted`, `partly` wanted, or were read and are neither (`others`). Of a `whole` day every title was read.
A `list-…` day is a month of Hugging Face's list. `again.jsonl` is a second, independent reading of some.
To train on, there are also topics that papers answer (`asked.tsv`) and names of subjects in all languages
(`wordings.tsv`, `words.txt`, and the glossary).

A paper is wanted if the reader would be glad of it: it is about the subject, or a special case of it; of a list or a
paragraph, about any of the subjects asked for. It is partly wanted if the subject is a sizeable part, the means or the
setting, or a close neighbour. What the wish refuses is neither.
"""

import re
from itertools import combinations

from tests.fitting.labels import FOLDER, SPLITS, WANTED, Reading, asked, names, read_rows, readings

LANGUAGES = {"en", "de", "fr", "es", "pt", "zh", "ja"}
WISHES_MIN, PAIRS_MIN, WHOLE_MIN = 380, 40_000, 60
AGREEMENT_MIN = 0.85
ASKED_MIN, ASKED_EACH, SUBJECTS_MIN = 3_000, 3, 700


def test_labels_are_many() -> None:
    found = readings()
    assert sum(len(reading.wordings) > 0 for reading in found) >= WISHES_MIN
    assert sum(len(reading.grades) for reading in found) >= PAIRS_MIN
    assert sum(reading.is_whole for reading in found) >= WHOLE_MIN
    assert {language for reading in found for language in reading.wordings} == LANGUAGES


def test_labels_are_ids_and_grades() -> None:
    for reading in readings():
        assert all(re.fullmatch(r"\d{4}\.\d{5}", paper) for paper in [*reading.grades, *reading.likes]), reading.wish
        assert "en" in reading.wordings or reading.likes, reading.wish


def test_splits_share_neither_wish_nor_day() -> None:
    found = {split: [reading for reading in readings() if reading.split == split] for split in SPLITS}
    assert all(found.values())
    for one, other in combinations(found.values(), 2):
        assert not {reading.wish for reading in one} & {reading.wish for reading in other}
        assert not {reading.day for reading in one} & {reading.day for reading in other}


def test_two_readings_agree_on_topics() -> None:
    first = {(reading.wish, reading.day): reading for reading in readings()}
    both = wanted = 0
    for row in read_rows(FOLDER / "again.jsonl"):
        again = set(row["wanted"])
        own = _wanted(first[row["wish"], row["day"]]) & {*row["wanted"], *row["partly"], *row["others"]}
        both, wanted = both + 2 * len(own & again), wanted + len(own) + len(again)
    assert both / wanted >= AGREEMENT_MIN


def test_papers_asked_for_are_of_training_days() -> None:
    held = {paper for reading in readings() if reading.split != "train" for paper in reading.grades}
    found = asked()
    assert len(found) >= ASKED_MIN
    assert not held & found.keys()
    for wishes in found.values():
        assert len({wish[0] for wish in wishes}) == len(wishes) == ASKED_EACH
        assert sum(map(len, wishes)) == ASKED_EACH + len(LANGUAGES) - 1
        assert all(wording for wish in wishes for wording in wish)


def test_subjects_are_worded_in_all_languages() -> None:
    found = [each.own for each in names() if not each.narrower]
    assert sum(len(own) == len(LANGUAGES) + 1 for own in found) >= SUBJECTS_MIN
    assert all(map(all, found))


def _wanted(reading: Reading) -> set[str]:
    return {paper for paper, grade in reading.grades.items() if grade == WANTED}
