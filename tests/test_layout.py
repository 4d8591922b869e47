"""The layout of the repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {"pyproject.toml", "README.md", "digestd", "templates", "tests", "deploy", "LICENSE", "CHANGELOG.md"}
NOT_KEPT = {"var", "dist", "build"}


def test_top_level_holds_only_expected_files() -> None:
    names = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    assert names - NOT_KEPT <= ALLOWED


def test_package_docstring_states_its_purpose() -> None:
    silent = [str(file) for file in ROOT.glob("digestd/**/*.py") if not file.read_text().lstrip().startswith('"""')]
    assert silent == []


def test_pre_commit_hooks_are_local() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"- repo: (\S+)", config) == ["local"]
    entries = re.findall(r"entry: \.venv/bin/(\S+)", config)
    assert entries == ["ruff", "ruff", "mypy", "lint-imports"]
    assert config.count("- id:") == len(entries)


@pytest.mark.parametrize("path", sorted((ROOT / "deploy/docs/decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_decision_has_all_sections(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.name[:3]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
