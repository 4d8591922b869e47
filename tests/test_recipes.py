"""The recipes of CONTRIBUTING.md work when applied to a copy of the tree."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text()
COPIED = ("digestd", "templates", "tests", "deploy", ".github")
FILES = ("pyproject.toml", ".env.example", "README.md", "CHANGELOG.md")
NOT_COPIED = shutil.ignore_patterns("node_modules", "corpus", "pictures")
_BLOCK = re.compile(
    r"(?:`(?P<path>[^`\n]+)`[^`\n]*:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `path` is the file named before it, "" for commands."""

    path: str
    kind: str
    text: str


def recipes() -> dict[str, list[Block]]:
    """Return the blocks of each recipe by its heading."""
    parts = GUIDE.partition("\n## Recipes\n")[2].split("\n### ")[1:]
    return {
        heading: [Block(found["path"] or "", found["kind"], found["text"]) for found in _BLOCK.finditer(text)]
        for heading, _, text in (part.partition("\n") for part in parts)
    }


def apply(diff: str, text: str) -> str:
    """Return the text with a diff applied; each hunk must match one place."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(before) == 1, f"found {text.count(before)} times, expected once:\n{before}"
        text = text.replace(before, after)
    return text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the repository with this checkout's virtual environment."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=NOT_COPIED)
    for file in FILES:
        shutil.copy2(ROOT / file, tmp_path / file)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def run(commands: str, folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:xdist"}
    with tempfile.TemporaryDirectory() as root:
        env["PYTEST_DEBUG_TEMPROOT"] = root  # pytest would close our own root to Postfix, which tests beside may run
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600
        )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


USUAL = ("source", "outlet", "preference", "bounce")
"""What most contributors add; the other recipes are tried in a long run, and applied in each."""


def test_recipes_apply_to_the_tree() -> None:
    """Apply all recipes in their order, without their commands."""
    written: dict[str, str] = {}
    for block in (block for blocks in recipes().values() for block in blocks if block.kind != "sh"):
        if block.kind == "diff" and not block.path.endswith(".po"):  # entries of catalogues are made by a command
            text = written[block.path] if block.path in written else (ROOT / block.path).read_text()
            written[block.path] = apply(block.text, text)
        else:
            written.setdefault(block.path, block.text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "heading",
    [pytest.param(heading, marks=() if heading.split()[2] in USUAL else pytest.mark.long) for heading in recipes()],
)
def test_recipe_passes_its_own_check(heading: str, checkout: Path) -> None:
    blocks = recipes()[heading]
    assert blocks[-1].kind == "sh", "a recipe ends with the command that checks it"
    for block in blocks:
        file = checkout / block.path
        if block.kind == "sh":
            run(block.text, checkout)
        elif block.kind == "diff":
            file.write_text(apply(block.text, file.read_text()))
        else:
            assert not file.exists(), f"{block.path} exists already"
            file.write_text(block.text)
    python = [block.path for block in blocks if block.path.endswith(".py")]
    if python:
        run(f".venv/bin/ruff check --no-cache {' '.join(python)}", checkout)
        run(f".venv/bin/ruff format --no-cache --check {' '.join(python)}", checkout)


def test_every_extension_point_has_a_recipe() -> None:
    parts = ["source", "signal", "transport", "outlet", "setting", "preference", "bounce", "page", "language", "field"]
    assert [heading.split()[2] for heading in recipes()] == parts


def test_apply_refuses_a_diff_that_does_not_match() -> None:
    assert apply(" a\n+b\n@@\n-c\n", "a\nc\n") == "a\nb\n"
    for text in ("c\n", "a\na\n"):
        with pytest.raises(AssertionError, match="expected once"):
            apply(" a\n+b\n", text)
