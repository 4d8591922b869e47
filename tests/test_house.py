"""The house keeps its size: a file fits in the head of whoever reads it."""

from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = {"pyproject.toml", "README.md", "digestd", "templates", "tests", "deploy", "LICENSE", "CHANGELOG.md"}
NOT_KEPT = {"var", "dist", "build"}


def test_no_file_has_more_than_300_lines() -> None:
    files = chain.from_iterable(map(ROOT.glob, ("digestd/**/*.py", "tests/**/*.py", "templates/**/*.j2")))
    long = {str(file): lines for file in files if (lines := len(file.read_text().splitlines())) > 300}
    assert long == {}


def test_the_top_level_holds_only_what_belongs_there() -> None:
    names = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    assert names - NOT_KEPT <= ALLOWED


def test_every_package_says_what_it_is_for() -> None:
    silent = [str(file) for file in ROOT.glob("digestd/**/*.py") if not file.read_text().lstrip().startswith('"""')]
    assert silent == []
