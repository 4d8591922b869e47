"""Write the example papers and judgments to files."""

import json
from pathlib import Path

import pytest

from digestd.domain.interest import Kind
from tests.evaluation.example_judgments import judgments
from tests.ranking.library import papers


@pytest.fixture
def judged(tmp_path: Path) -> list[str]:
    """Return the options that name the files."""
    lines = [{"id": p.id, "title": p.plain_title, "abstract": p.plain_abstract} for p in papers()]
    asked = [
        {
            "user": judgment.user,
            "topics": [i.value for i in judgment.interests if i.kind is Kind.TOPIC],
            "likes": [i.value for i in judgment.interests if i.kind is Kind.PAPER],
            "relevant": list(judgment.relevant),
        }
        for judgment in judgments()
    ]
    for name, rows in (("p.jsonl", lines), ("j.jsonl", asked)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["--papers", str(tmp_path / "p.jsonl"), "--judgments", str(tmp_path / "j.jsonl")]
