"""Test that pages and `config check` say what a language model that judges papers is sent, and where."""

from dataclasses import replace

import pytest

from digestd.app import App
from digestd.cli.config import describe_language_model
from digestd.errors import BadSetting
from digestd.settings import load
from digestd.settings_validation import check_settings
from tests.web.conftest import Backend, browsing
from tests.web.html import tree, words

ELSEWHERE = {"llm_url": "https://user:secret@models.example.org/v1", "llm_model": "m", "llm_judge": True}
HERE = {"llm_url": "http://127.0.0.1:11434/v1", "llm_model": "m", "llm_judge": True}


def changed(app: App, settings: dict[str, object]) -> App:
    """Return the app with other settings."""
    return replace(app, settings=app.settings.model_copy(update=settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ELSEWHERE, "we send your topics to a language model at models.example.org, but never your address or name"),
        (HERE, "a language model on our server reads your topics, but never your address or name"),
        (ELSEWHERE | {"llm_judge": False}, ""),
    ],
)
def test_pages_say_who_reads_topics(backend: Backend, settings: dict[str, object], said: str) -> None:
    backend.join("ada@example.org")
    with browsing(changed(backend.app, settings)) as visitor:
        for page in ("/", backend.settings("ada@example.org")):
            text = words(tree(visitor.get(page).text))
            assert said in text
            assert ("language model" in text) == bool(said)
            assert "secret" not in text


def test_check_says_what_leaves_the_machine(app: App) -> None:
    assert list(describe_language_model(app)) == []
    gists = list(describe_language_model(changed(app, ELSEWHERE | {"llm_judge": False})))
    assert "titles and abstracts" in gists[0]
    assert "nothing about subscribers" in gists[1]
    *_, judged = describe_language_model(changed(app, ELSEWHERE))
    assert "topics are sent to the language model at models.example.org," in judged
    assert "never addresses, names or who asked" in judged


def test_judge_needs_language_model() -> None:
    with pytest.raises(BadSetting, match="DIGESTD_LLM_JUDGE: needs a language model; set DIGESTD_LLM_URL"):
        check_settings(load({"DIGESTD_LLM_JUDGE": "on"}))
