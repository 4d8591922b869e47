"""Templates: sandboxed, escaped, and with all their words in the catalogues."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from digestd.errors import BadSetting, NotFound
from digestd.mail.digest import render_digest
from digestd.mail.rendering import render_page
from digestd.mail.templates import Templates, web_environment
from digestd.resources import sample, templates
from tests import catalogues, golden

FILES = templates()
TEMPLATES = Templates.of(FILES)
PERSONAL = golden.digest("personal")


def test_templates_can_be_kept_and_used_again_by_what_they_were() -> None:
    kept = Templates.of(TEMPLATES.files)
    assert kept.hash == TEMPLATES.hash
    again = Templates.of(FILES)
    assert kept.environment("en") is again.environment("en"), "compiled once: a run of delivery reads them anew"
    changed = Templates.of({**FILES, "email/style.css": FILES["email/style.css"] + "\n.page { color: #000001; }"})
    assert changed.hash != TEMPLATES.hash
    with pytest.raises(FrozenInstanceError):
        TEMPLATES.hash = "other"  # type: ignore[misc] # the point


@pytest.mark.parametrize(
    "name", ["a.html.j2", "a.htm.j2", "a.htm", "a", "a.xml.j2", "a.txt.html.j2", "email/a.html.j2"]
)
def test_every_template_escapes_whatever_it_is_called(name: str) -> None:
    name = name if name.endswith(".j2") else f"{name}.j2"
    made = Templates.of({**FILES, name: "<p>{{ value }}</p>"})
    assert "&lt;b&gt;" in render_page(made, name, "en", value="<b>")


def test_html_cannot_take_in_unescaped_text() -> None:
    for source in ('{% include "email/reason.txt.j2" %}', '{% set n = "x" %}{% include n %}'):
        with pytest.raises(BadSetting, match=r"web/bad\.html\.j2"):
            Templates.of({**FILES, "web/bad.html.j2": source}).check()


@pytest.mark.parametrize(
    "source",
    ["{{ missing }}", "{{ ''.__class__.__mro__ }}", "{{ items.append(1) }}", "{{ items.__init__ }}", "{{ 1 / 0 }}"],
)
def test_a_template_gets_nothing_it_was_not_given(source: str) -> None:
    made = Templates.of({**FILES, "web/a.html.j2": source})
    with pytest.raises((BadSetting, ZeroDivisionError)):
        render_page(made, "web/a.html.j2", "en", items=[])


@pytest.mark.parametrize("name", ["../pyproject.toml", "/etc/passwd", "email/%2e%2e/x", "x\x00", "", "locale/en.po"])
def test_only_templates_are_rendered(name: str) -> None:
    with pytest.raises(NotFound):
        render_page(TEMPLATES, name, "en")


def test_a_broken_template_is_refused_by_name_and_line() -> None:
    with pytest.raises(BadSetting, match=r"email/digest\.txt\.j2, line 2"):
        Templates.of({**FILES, "email/digest.txt.j2": "\n{% if %}"}).check()
    with pytest.raises(BadSetting, match=r"locale/nl\.po"):
        Templates.of({**FILES, "locale/nl.po": 'msgid "a'}).check()
    with pytest.raises(BadSetting, match=r"locale/nowhere_land\.po"):
        Templates.of({**FILES, "locale/nowhere_land.po": ""}).check()


DUTCH = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"
msgid "%(num)s paper for %(day)s"
msgid_plural "%(num)s papers for %(day)s"
msgstr[0] "%(num)s artikel voor %(day)s"
msgstr[1] "%(num)s artikelen voor %(day)s"
msgid "EEEE d MMMM"
msgstr "EEEE d MMMM"
"""


def test_a_language_is_one_catalogue_and_english_stands_in_for_the_rest() -> None:
    made = Templates.of({**FILES, "locale/nl.po": DUTCH})
    for language in ("nl", "nl-BE", "nl_NL", "NL"):
        rendered = render_digest(made, golden.in_language(PERSONAL, language))
        assert rendered.subject.startswith("6 artikelen voor dinsdag 24 november: ")
        assert 'lang="nl"' in rendered.html
        assert "For you" in rendered.html
    for language in ("xx", "", "fr", "../nl"):
        assert render_digest(made, golden.in_language(PERSONAL, language)) == render_digest(TEMPLATES, PERSONAL)


def test_words_that_a_catalogue_fixes_are_those_it_would_give_in_every_mail() -> None:
    source = (
        '{{ _("a <b> 5%% & c") }}|{{ _("a <b> 5%% & c") | upper }}|{{ _("to %(who)s", who=who) }}|{{ gettext("x") }}'
    )
    dutch = DUTCH + '\nmsgid "a <b> 5%% & c"\nmsgstr "een <i>B</i> 5%%"\nmsgid "x"\nmsgstr "ix"\n'
    made = Templates.of({**FILES, "locale/nl.po": dutch, "web/a.html.j2": source, "web/a.txt.j2": source})
    for name, words in (("web/a.html.j2", "&lt;Ada&gt;"), ("web/a.txt.j2", "<Ada>")):
        assert render_page(made, name, "nl", who="<Ada>") == f"een <i>B</i> 5%|EEN <I>B</I> 5%|to {words}|ix"
        assert render_page(made, name, "en", who="<Ada>") == f"a <b> 5% & c|A <B> 5% & C|to {words}|x"


def test_pages_and_mails_are_made_by_the_same_rules() -> None:
    assert web_environment(TEMPLATES, "en") is TEMPLATES.environment("en")


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_language_has_all_words_for_people_and_no_others(language: str) -> None:
    words = catalogues.wanted(FILES)
    assert list(catalogues.faults(catalogues.kept(language, words), words)) == []


def test_the_formal_german_catalogue_never_uses_the_informal_address() -> None:
    catalogue = catalogues.kept("de_formal", catalogues.wanted(FILES))
    said = [str(message.string) for message in catalogue if message.id and message.id != "English"]
    assert [text for text in said if re.search(r"(?i)\b(du|dir|dich|dein\w*)\b", text)] == []
    assert sum(" Sie " in text for text in said) > 50


def test_a_catalogue_that_is_not_whole_is_found_out() -> None:
    words = catalogues.wanted(FILES)
    broken = catalogues.kept("de", words)
    broken.delete("Unsubscribe")
    broken.add("Used nowhere", "Nirgends")
    broken["Subscribe"].string = ""
    broken["About %(list)s"].string = "Über uns"
    broken[("%(num)s paper.", "%(num)s papers.")].string = ("%(num)s Paper.",)
    broken["Topics"].flags.add("fuzzy")
    assert [fault.partition(":")[0] for fault in sorted(catalogues.faults(broken, words))] == [
        "1 forms, where the language has 2",
        "marked as doubtful",
        "not translated",
        "nothing said for 'Subscribe'",
        "other placeholders than 'About %(list)s'",
        "used by no template",
    ]


@pytest.mark.parametrize("said", ["Über %(liste)s", "100 % über %(list)s", "Über %(list)d"])
def test_a_catalogue_that_could_break_a_mail_is_refused_at_once(said: str) -> None:
    german = FILES["locale/de.po"].replace('msgstr "Über %(list)s"', f'msgstr "{said}"')
    assert german != FILES["locale/de.po"]
    with pytest.raises(BadSetting, match=r"locale/de\.po .*'About %\(list\)s'"):
        Templates.of({**FILES, "locale/de.po": german}).check()


def test_a_digest_speaks_german_throughout() -> None:
    for case in golden.DIGESTS:
        german = render_digest(TEMPLATES, golden.in_language(golden.digest(case), "de"))
        assert '<html lang="de"' in german.html
        for body in (german.subject, german.text, german.html):
            assert not re.search(r"(?i)unsubscribe\b(?!/)|browser you|your |papers? (for|since)|trending", body)
        assert "Abbestellen" in german.text
        assert "Abbestellen" in german.html


def test_no_template_says_words_outside_the_catalogue() -> None:
    for path, source in FILES.items():
        if not path.startswith("email/") or not path.endswith(".html.j2"):
            continue
        visible = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<style>.*?</style>|<!--.*?-->|<[^>]*>|&\w+;", " ", source, flags=re.DOTALL
        )
        assert not re.search(r"[A-Za-z]", visible), path


def test_the_same_digest_is_the_same_words() -> None:
    again = Templates.of(dict(reversed(FILES.items())))
    assert again.hash == TEMPLATES.hash
    assert render_digest(again, PERSONAL) == render_digest(TEMPLATES, PERSONAL)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two `#rrggbb` colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_all_words_can_be_read_by_day_and_by_night() -> None:
    day, _, night = FILES["email/style.css"].partition("@media (prefers-color-scheme: dark)")
    for scheme, sheet in ((day, "#fffefa"), (night, "#1f1d1a")):
        for rule in re.findall(r"\.[\w, .]+\{[^}]*\}", scheme):
            ground = re.search(r"background-color: (#\w{6})", rule)
            ink = re.search(r"[{;] color: (#\w{6})", rule)
            if ink and ".preheader" not in rule:
                assert _contrast(ink[1], ground[1] if ground else sheet) >= 4.5, rule


def test_an_operators_templates_hide_the_built_in_ones(tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for folder, words in ((near, "near"), (far, "far")):
        (folder / "email").mkdir(parents=True)
        (folder / "email" / "confirm.subject.txt.j2").write_text(words, encoding="utf-8")
    (far / "email" / "style.css").write_text(".page { color: #000000 }", encoding="utf-8")
    (far / "notes.md").write_text("no template", encoding="utf-8")
    found = templates([near, far])
    assert found["email/confirm.subject.txt.j2"] == "near"
    assert found["email/style.css"] == ".page { color: #000000 }"
    assert found.keys() == FILES.keys()


def test_a_template_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="nowhere"):
        templates([tmp_path / "nowhere"])
    (tmp_path / "latin.html.j2").write_bytes(b"\xe9")
    with pytest.raises(BadSetting, match="UTF-8"):
        templates([tmp_path])


def test_a_sample_that_is_not_shipped_is_not_found() -> None:
    with pytest.raises(NotFound, match="nothing"):
        sample("nothing.jsonl")
