"""Templates: sandboxed, escaped, and with all their words in the catalogues."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from digestd.errors import BadSetting, NotFound
from digestd.mail.digest import render_digest
from digestd.mail.rendering import render_page
from digestd.mail.templates import REASON_TEMPLATE, Templates
from digestd.mail.theme import contrast
from digestd.resources import sample, templates
from tests import catalogues, golden

FILES = templates()
TEMPLATES = Templates.of(FILES)
PERSONAL = golden.digest("personal")
ANY = {"web/any.html.j2": "A template"}


def test_templates_are_identified_by_hash() -> None:
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
def test_templates_escape_by_default(name: str) -> None:
    name = name if name.endswith(".j2") else f"{name}.j2"
    made = Templates.of({**FILES, name: "<p>{{ value }}</p>"})
    assert "&lt;b&gt;" in render_page(made, name, "en", value="<b>")


def test_html_template_cannot_include_plain_text() -> None:
    for source in ('{% include "email/reason.txt.j2" %}', '{% set n = "x" %}{% include n %}'):
        with pytest.raises(BadSetting, match=r"web/bad\.html\.j2"):
            Templates.of({REASON_TEMPLATE: FILES[REASON_TEMPLATE], "web/bad.html.j2": source}).check()


@pytest.mark.parametrize(
    "source",
    [
        *("{{ missing }}", "{{ ''.__class__.__mro__ }}", "{{ items.append(1) }}", "{{ items.__init__ }}"),
        *("{{ 1 / 0 }}", "{{ theme.__class__ }}", "{{ theme.__match_args__ }}"),
    ],
)
def test_template_rejects_undefined_names(source: str) -> None:
    made = Templates.of({**FILES, "web/a.html.j2": source})
    with pytest.raises((BadSetting, ZeroDivisionError)):
        render_page(made, "web/a.html.j2", "en", items=[])


@pytest.mark.parametrize("name", ["../pyproject.toml", "/etc/passwd", "email/%2e%2e/x", "x\x00", "", "locale/en.po"])
def test_render_page_rejects_other_files(name: str) -> None:
    with pytest.raises(NotFound):
        render_page(TEMPLATES, name, "en")


def test_invalid_template_is_reported_with_its_line() -> None:
    with pytest.raises(BadSetting, match=r"email/digest\.txt\.j2, line 2"):
        Templates.of({"email/digest.txt.j2": "\n{% if %}"}).check()
    with pytest.raises(BadSetting, match=r"locale/nl\.po"):
        Templates.of({"locale/nl.po": 'msgid "a'} | ANY).check()
    with pytest.raises(BadSetting, match=r"locale/nowhere_land\.po"):
        Templates.of({"locale/nowhere_land.po": ""} | ANY).check()


DUTCH = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"
msgid "%(title)s + %(num)s more"
msgid_plural "%(title)s + %(num)s more"
msgstr[0] "%(title)s en nog %(num)s artikel"
msgstr[1] "%(title)s en nog %(num)s artikelen"
msgid "EEEE d MMMM"
msgstr "EEEE d MMMM"
"""


def test_unknown_language_falls_back_to_english() -> None:
    made = Templates.of({**FILES, "locale/nl.po": DUTCH})
    for language in ("nl", "nl-BE", "nl_NL", "NL"):
        rendered = render_digest(made, golden.in_language(PERSONAL, language))
        assert rendered.subject.endswith(" en nog 5 artikelen")
        assert "Dinsdag 24 november" in rendered.html
        assert 'lang="nl"' in rendered.html
        assert "For you" in rendered.html
    for language in ("xx", "", "sv", "../nl"):
        assert render_digest(made, golden.in_language(PERSONAL, language)) == render_digest(TEMPLATES, PERSONAL)


CHINESE = r"""
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\nPlural-Forms: nplurals=1; plural=0;\n"
msgid "%(one)s, %(other)s"
msgstr "%(one)s、%(other)s"
msgid "%(label)s:"
msgstr "%(label)s："
msgid "sans-serif"
msgstr "'PingFang SC', sans-serif"
msgid "EEEE d MMMM"
msgstr "M月d日EEEE"
msgid "%(names)s and %(last)s"
msgstr "%(names)s和%(last)s"
msgid "One paper for %(name)s."
msgid_plural "%(num)s papers for %(name)s."
msgstr[0] "为 %(name)s 选出 %(num)s 篇。"
msgid "Ranked from %(all)s new paper; %(missing)s."
msgid_plural "Ranked from %(all)s new papers; %(missing)s."
msgstr[0] "选自 %(all)s 篇新论文。"
"""


def test_catalogue_brings_punctuation_and_fonts() -> None:
    made = Templates.of({**FILES, "locale/zh.po": CHINESE})
    chinese = render_digest(made, golden.in_language(golden.digest("not_whole"), "zh-CN"))
    assert chinese.text.startswith("PAPERS DAILY\n11月24日星期二\n")
    assert "Unsubscribe： https" in chinese.text
    assert "为 Ada 选出 3 篇。选自 412 篇新论文。" in chinese.text, "no blank between sentences"
    assert "'PingFang SC'" in chinese.html.partition("</head>")[0]
    assert all(f'class="{name}"' in chinese.html for name in ("sheet", "day")), "which the rule names"
    assert made.fonts["zh"].endswith("'PingFang SC', sans-serif")


def test_catalogue_translations_are_constant() -> None:
    source = (
        '{{ _("a <b> 5%% & c") }}|{{ _("a <b> 5%% & c") | upper }}|{{ _("to %(who)s", who=who) }}|{{ gettext("x") }}'
    )
    dutch = DUTCH + '\nmsgid "a <b> 5%% & c"\nmsgstr "een <i>B</i> 5%%"\nmsgid "x"\nmsgstr "ix"\n'
    made = Templates.of({**FILES, "locale/nl.po": dutch, "web/a.html.j2": source, "web/a.txt.j2": source})
    for name, words in (("web/a.html.j2", "&lt;Ada&gt;"), ("web/a.txt.j2", "<Ada>")):
        assert render_page(made, name, "nl", who="<Ada>") == f"een <i>B</i> 5%|EEN <I>B</I> 5%|to {words}|ix"
        assert render_page(made, name, "en", who="<Ada>") == f"a <b> 5% & c|A <B> 5% & C|to {words}|x"


def test_numbers_are_written_as_the_language_does() -> None:
    source = '{{ ngettext("One new paper.", "%(num)s new papers.", n) }}'
    made = Templates.of({**FILES, "web/a.txt.j2": source})
    assert render_page(made, "web/a.txt.j2", "en", n=1_204) == "1,204 new papers."
    assert render_page(made, "web/a.txt.j2", "de", n=1_204) == "1.204 neue Paper."
    assert render_page(made, "web/a.txt.j2", "en", n=999) == "999 new papers."


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_catalogue_is_current_and_well_formed(language: str) -> None:
    words = catalogues.wanted(FILES)
    catalogue = catalogues.kept(language, words)
    assert list(catalogues.faults(catalogue, words)) == []
    said = [str(message.string) for message in catalogue if message.id]
    assert [text for text in said if len(text) > 20 and text == 2 * text[: len(text) // 2]] == [], "said twice"


_EACH = [
    pytest.param(tag, marks=() if tag in catalogues.MAINTAINED else pytest.mark.long) for tag in catalogues.LANGUAGES
]


@pytest.mark.parametrize("language", _EACH)
def test_catalogue_is_translated(language: str) -> None:
    assert list(catalogues.gaps(catalogues.kept(language, catalogues.wanted(FILES)))) == []


def test_formal_german_never_uses_du() -> None:
    catalogue = catalogues.kept("de_formal", catalogues.wanted(FILES))
    said = [str(message.string) for message in catalogue if message.id and message.id != "English"]
    assert [text for text in said if re.search(r"(?i)\b(du|dir|dich|dein\w*)\b", text)] == []
    assert sum(" Sie " in text for text in said) > 50


@pytest.mark.parametrize("said", ["Deine Woche: %(paper)s", "100 % der Woche: %(papers)s", "Deine Woche: %(papers)d"])
def test_invalid_catalogue_is_rejected_when_loaded(said: str) -> None:
    german = FILES["locale/de.po"].replace('msgstr "Deine Woche: %(papers)s"', f'msgstr "{said}"')
    assert german != FILES["locale/de.po"]
    with pytest.raises(BadSetting, match=r"locale/de\.po .*'Your week: %\(papers\)s'"):
        Templates.of({"locale/de.po": german} | ANY).check()


def test_german_digest_contains_no_english() -> None:
    for case in golden.DIGESTS:
        german = render_digest(TEMPLATES, golden.in_language(golden.digest(case), "de"))
        assert '<html lang="de"' in german.html
        for body in (german.subject, german.text, german.html):
            assert not re.search(r"(?i)unsubscribe\b(?!/)|browser you|your |papers? (for|since)|trending", body)
        assert "Abbestellen" in german.text
        assert "Abbestellen" in german.html


def test_templates_contain_no_untranslated_text() -> None:
    for path, source in FILES.items():
        if not path.startswith("email/") or not path.endswith(".html.j2"):
            continue
        visible = re.sub(
            r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<style>.*?</style>|<!--.*?-->|<[^>]*>|&\w+;", " ", source, flags=re.DOTALL
        )
        assert not re.search(r"[A-Za-z]", visible), path


def test_text_contrast_in_light_and_dark_mode() -> None:
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    day, _, night = FILES["email/style.css"].partition("@media (prefers-color-scheme: dark)")
    for scheme, sheet in ((day, "#fffefa"), (night, "#1f1d1a")):
        for rule in re.findall(r"\.[\w, .]+\{[^}]*\}", scheme):
            ground = re.search(r"background-color: (#\w{6})", rule)
            ink = re.search(r"[{;] color: (#\w{6})", rule)
            if ink:
                assert contrast(ink[1], ground[1] if ground else sheet) >= 4.5, rule


def test_custom_templates_override_built_in_ones(tmp_path: Path) -> None:
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


def test_unusable_template_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="nowhere"):
        templates([tmp_path / "nowhere"])
    (tmp_path / "latin.html.j2").write_bytes(b"\xe9")
    with pytest.raises(BadSetting, match="UTF-8"):
        templates([tmp_path])


def test_unknown_sample_is_not_found() -> None:
    with pytest.raises(NotFound, match="nothing"):
        sample("nothing.jsonl")
