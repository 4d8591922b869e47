"""Check the layout of the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = {"pyproject.toml", "README.md", "digestd", "templates", "tests", "deploy", "LICENSE", "CHANGELOG.md"}
NOT_KEPT = {"var", "dist", "build"}


def test_the_top_level_holds_only_what_belongs_there() -> None:
    names = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    assert names - NOT_KEPT <= ALLOWED


def test_every_package_says_what_it_is_for() -> None:
    silent = [str(file) for file in ROOT.glob("digestd/**/*.py") if not file.read_text().lstrip().startswith('"""')]
    assert silent == []
