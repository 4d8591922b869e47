"""The documentation is true: commands run, names exist, links work."""

import json
import re
import shlex
import subprocess
import textwrap
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import digestd
from digestd.cli import app
from digestd.settings import PREFIX, Settings
from digestd.sources import REGISTRY
from tests import reference
from tests.support.command_process import Command

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "deploy" / "docs"
README = ROOT / "README.md"
CHINESE = DOCS / "README.zh.md"
FIRST_WEEK = DOCS / "first-week.md"
PAGES = sorted([README, *ROOT.glob(".github/*.md"), *DOCS.rglob("*.md")])
WORDS_MAX = 900
PICTURE_MAX = 150_000
"""Bytes; tests/pictures.py keeps to it."""
LIBRARY = "@article{lakes, title = {Frozen lakes}, author = {Lake, Ada}, doi = {10.5555/lakes.1}}\n"
PEOPLE = "email,topics\nbo@example.org,river deltas\n"
NO_DAY = {"DIGESTD_NOW": "2026-11-24T09:00:00Z", "DIGESTD_SOURCES": ""}
any_hour = pytest.mark.parametrize("clock", ["02:30", "12:30", "22:30"])


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name)


def blocks(page: Path, kind: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def shown_commands(page: Path) -> list[list[str]]:
    """Return the commands after `$ ` in the page's console blocks."""
    lines = "\n".join(blocks(page, "console")).splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


def mentioned_commands(page: Path) -> list[str]:
    """Return each digestd command in a code span or a shell block."""
    text = page.read_text()
    spans = re.findall(r"`(digestd [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = "\n".join(blocks(page, "sh")).splitlines()
    return spans + [line.partition(" #")[0] for line in lines if line.startswith("digestd ")]


def invoke(arguments: list[str]) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, (arguments, done.output)
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with the files that the pages name."""
    papers = blocks(README, "json")[0]
    judgments = next(block for block in blocks(DOCS / "ranking.md", "json") if '"relevant"' in block)
    files = {"papers.jsonl": papers, "judgments.jsonl": judgments, "library.bib": LIBRARY, "people.csv": PEOPLE}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    for variable, value in NO_DAY.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@any_hour
@pytest.mark.slow
def test_tour_in_readme_sends_a_digest(folder: Path, clock: str) -> None:
    """Run each command as a process of its own."""
    for command in shown_commands(README):
        assert command[0] == "digestd"
        done = Command(tuple(command[1:]), {"DIGESTD_NOW": f"2026-11-24T{clock}:00Z"}, folder).run()
        assert done.code == 0, (command, done.output)
    assert len(list((folder / "var" / "outbox" / "new").iterdir())) == 1


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in (README, CHINESE, FIRST_WEEK) and shown_commands(page)], ids=name
)
def test_commands_shown_on_a_page_run_in_order(page: Path, folder: Path) -> None:
    """Run them in one installation after the start of the tour and a delivery."""
    tour = shown_commands(README)
    for command in [*tour[:3], ["digestd", "plan"], ["digestd", "deliver", "--drain"], *shown_commands(page)]:
        invoke(command[1:])


@any_hour
def test_first_week_shows_what_commands_say(folder: Path, clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare each line below a command with its output; numbers differ, and `…` stands for anything."""
    monkeypatch.setenv("DIGESTD_NOW", f"2026-11-24T{clock}:00Z")
    for command in shown_commands(README)[:3]:
        invoke(command[1:])
    said: list[str] = []
    for line in "\n".join(blocks(FIRST_WEEK, "console")).splitlines():
        if line.startswith("$ "):
            for step in (["plan"], ["deliver", "--drain"]) if line.endswith("status") else ():
                invoke(step)  # as the service does
            done = CliRunner().invoke(app, shlex.split(line)[2:], catch_exceptions=False)
            said = [" ".join(re.sub(r"\d+", "0", each).split()) for each in done.output.splitlines()]
            assert done.exit_code == 0, f"{line}: {done.output}"
        elif line:
            shown = re.escape(re.sub(r"\d+", "0", line)).replace("…", ".*")
            assert any(re.fullmatch(shown, each) for each in said), (line, said)


@every_page
def test_commands_mentioned_on_a_page_exist(page: Path) -> None:
    known = {context.command_path: context for context in reference.commands()}
    groups = {path.rpartition(" ")[0] for path in known}
    for mention in mentioned_commands(page):
        words = [word for word in mention.split() if word not in ("|", "…")]
        path = " ".join(word for word in words[:3] if re.fullmatch(r"[a-z][a-z-]*", word))
        found = next((known[p] for p in (path, *prefixes(path)) if p in known), None)
        assert found or path in groups or "--" in words[1], f"{mention}: no such command"
        missing = {word.partition("=")[0] for word in words if word.startswith("--")} - options(found)
        assert not missing, f"{mention}: no such option"


def prefixes(path: str) -> list[str]:
    words = path.split()
    return [" ".join(words[:length]) for length in range(len(words) - 1, 1, -1)]


def options(context: typer.Context | None) -> set[str]:
    if context is None:
        return {"--help", "--version", "--install-completion"}
    return {option for parameter in context.command.params for option in [*parameter.opts, *parameter.secondary_opts]}


@every_page
def test_settings_mentioned_on_a_page_exist(page: Path) -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields} | {
        "DIGESTD_DEBUG",
        "DIGESTD_ENV_FILE",
        "DIGESTD_REGENERATE",
        "DIGESTD_TEST_WORLD",
    }
    named = set(re.findall(r"DIGESTD_[A-Z_]*[A-Z]\b(?!…)", page.read_text()))
    assert {name for name in named if name not in known and name.removesuffix("_FILE") not in known} <= ADDED_BY_RECIPES


ADDED_BY_RECIPES = {"DIGESTD_ASSET_HOURS"}
"""Settings that recipes of CONTRIBUTING.md add."""


@every_page
def test_metrics_and_keys_mentioned_on_a_page_exist(page: Path) -> None:
    """Check each code span like `digestd_source_state{source}` against the code."""
    spans = re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\{[^`]*\})?`", page.read_text())
    assert {word for word in spans if word not in code()} == set()


@cache
def code() -> str:
    files = [*ROOT.glob("digestd/**/*.py"), *ROOT.glob("tests/bench/*.py"), *ROOT.glob("deploy/*.*")]
    files.append(ROOT / "pyproject.toml")
    return "\n".join(file.read_text() for file in files)


@every_page
def test_links_on_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)]+))?\)", page.read_text()):
        path = page.parent / target if target else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_every_page_can_be_reached(page: Path) -> None:
    """From README, its index or the index of decisions."""
    indexes = [README, DOCS / "README.md", DOCS / "decisions" / "README.md", DOCS / "security.md"]
    linked = {
        (index.parent / target).resolve()
        for index in indexes
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", index.read_text())
    }
    assert page == README or page == DOCS / "README.md" or page.resolve() in linked


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")], ids=name)
def test_shell_blocks_are_valid_bash(page: Path) -> None:
    for block in blocks(page, "sh"):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, (block, checked.stderr)


@pytest.mark.parametrize("page", reference.pages().items(), ids=lambda item: name(item[0]))
def test_generated_page_is_up_to_date(page: tuple[Path, str]) -> None:
    path, text = page
    assert path.read_text() == text, f"{path.name} is stale: run `python -m tests.reference`"


def test_every_setting_is_described_where_it_stands() -> None:
    sections = (DOCS / "configuration.md").read_text().split("\n### ")[1:]
    descriptions = {section.partition("\n")[0]: section.split("\n\n")[1] for section in sections}
    assert [name for name, text in descriptions.items() if len(text.split()) < 4] == []
    assert "several relays" in descriptions["DIGESTD_TRANSPORT_URL"]


def test_pipeline_is_drawn_alike_everywhere() -> None:
    drawn = blocks(README, "text")[0]
    assert drawn in blocks(DOCS / "architecture.md", "text")
    assert textwrap.indent(drawn, "    ") in (digestd.__doc__ or "")


def test_pictures_are_small_and_shown() -> None:
    pictures = {str(file.relative_to(ROOT)): file.stat().st_size for file in (ROOT / "deploy/pictures").iterdir()}
    assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", README.read_text())) == set(pictures)
    assert max(pictures.values()) <= PICTURE_MAX


def test_chinese_readme_shows_the_same_commands_and_links() -> None:
    for kind in ("sh", "console", "json", "text"):
        assert blocks(CHINESE, kind) == blocks(README, kind), kind
    assert set(mentioned_commands(CHINESE)) == set(mentioned_commands(README))
    english, chinese = (
        {(page.parent / target).resolve() for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())}
        for page in (README, CHINESE)
    )
    assert chinese - {README} == english - {CHINESE}


def test_readme_is_short() -> None:
    assert len(README.read_text().split()) < WORDS_MAX


def test_score_breakdown_shown_has_the_form_of_explain(folder: Path) -> None:
    page = DOCS / "ranking.md"
    shown = json.loads(blocks(page, "json")[0])
    for command in shown_commands(README)[:3]:
        invoke(command[1:])
    given = json.loads(invoke(shown_commands(page)[0][1:]))
    assert list(given) == list(shown)
    assert (given["title"], given["verdict"], given["reason"]) == (shown["title"], shown["verdict"], shown["reason"])
    assert {tuple(part) for part in given["parts"]} == {tuple(part) for part in shown["parts"]}
    for account in (given, shown):
        assert sum(part["contribution"] for part in account["parts"]) == pytest.approx(account["score"], abs=1e-4)


def test_table_of_sources_has_every_kind_and_its_proof() -> None:
    table = (DOCS / "sources.md").read_text().split("| spec | what it reads | proven |")[1].split("\n\n")[0]
    rows = [
        (re.findall(r"`([a-z0-9-]+)", specs), proven)
        for specs, proven in re.findall(r"^\| (.*?) \|.*\| (.*?) \|$", table, re.MULTILINE)
    ]
    assert {kind for kinds, _ in rows for kind in kinds} == set(REGISTRY)
    for kinds, proof in rows:
        for kind in set(kinds):
            named = re.findall(r"`([a-z0-9-]+)`", proof)
            proven = "on recordings" in proof and (not named or kind in named)
            assert proven == REGISTRY[kind].is_verified, kind


def test_changelog_has_an_unreleased_section_first() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", section) for section in sections[1:])
