"""Test that pages use the reader's language."""

import pytest
from starlette.testclient import TestClient

from digestd.security.tokens import Purpose
from digestd.web.pages import preferred, supported_language
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

ADA = "ada@example.org"
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,de", "en"),
        ("fr,de;q=0.5,en;q=0.9", "en"),
        ("de;q=0,en;q=0.1", "en"),
        ("DE_at", "de"),
        ("pt-PT,pt-BR;q=0.5", "pt-BR"),
        ("zh-Hant-TW", "zh-Hant"),
        ("fr", None),
        ("", None),
        ("*", None),
        ("de;q=x,;;,=", None),
        ("x" * 100_000, None),
    ],
)
def test_accept_language_chooses_best(accept: str, language: str | None) -> None:
    assert preferred(accept, ("de", "en", "pt-BR", "zh-Hant")) == language


def test_language_tag_falls_back_to_parent() -> None:
    assert supported_language("de-CH-1996", ["de"]) == "de"
    assert supported_language("pt", ["pt-BR"]) is None


def test_page_uses_language_of_browser(client: TestClient) -> None:
    page = client.get("/", headers=GERMAN)
    assert '<html lang="de"' in page.text
    assert "Einmal am Tag die neuen Paper" in heading(page.text)
    assert page.headers["vary"] == "Accept-Language"
    assert heading(client.get("/nowhere", headers=GERMAN).text) == "Seite nicht gefunden"
    assert heading(client.post("/subscribe", data={"email": ADA}, headers=GERMAN).text) == "Schau in dein Postfach"
    assert heading(client.post("/subscribe", content=b"x" * 20_000, headers=GERMAN).text) == "Das ist zu viel"


def test_language_link_is_kept(client: TestClient) -> None:
    front = tree(client.get("/").text)
    link = front.find(".//ul[@class='languages']//a")
    assert link is not None
    assert (link.attrib["href"], link.attrib["lang"], words(link)) == ("?lang=de", "de", "Deutsch (du)")
    german = client.get("/?lang=de", headers={"Accept-Language": "en"}).text
    assert '<html lang="de"' in german
    form = tree(german).find(".//form")
    assert form is not None
    answer = client.post(form.attrib["action"], data={"email": ADA})
    assert heading(answer.text) == "Schau in dein Postfach"
    assert "/?lang=de" in {a.attrib["href"] for a in tree(answer.text).iter("a")}
    assert not tree(answer.text).findall(".//ul[@class='languages']//a"), "this page cannot be asked for again"


@pytest.mark.parametrize("lang", ["xx", "", "../de", "<b>", "de\x00", "x" * 5_000])
def test_unknown_language_is_default(client: TestClient, lang: str) -> None:
    assert client.get("/", params={"lang": lang}).content == client.get("/").content


def test_german_page_subscribes_in_german(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe?lang=de", data={"email": ADA})
    assert backend.subscriber(ADA).language == "de"
    client.post("/subscribe?lang=de", data={"email": "bob@example.org", "language": "en"})
    assert backend.subscriber("bob@example.org").language == "en"
    client.post("/subscribe", data={"email": "eve@example.org"})
    assert backend.subscriber("eve@example.org").language == "en"


def test_invalid_language_is_field_error(client: TestClient) -> None:
    answer = client.post("/subscribe", data={"email": ADA, "language": "nonsense!"})
    assert answer.status_code == 422
    assert tree(answer.text).find(".//*[@id='language-problem']") is not None


def test_subscriber_language_overrides_browser(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA, "language": "de"})
    link = backend.confirmation(ADA)
    english = {"Accept-Language": "en"}
    assert heading(client.get(link, headers=english).text) == "Nur noch ein Schritt"
    assert heading(client.post(link, headers=english).text) == "Abo bestätigt"
    leave = backend.link(Purpose.UNSUBSCRIBE, backend.subscriber(ADA).key)
    assert heading(client.get(leave, headers=english).text) == "Digest abbestellen?"


def test_german_is_offered_informal_and_formal(client: TestClient, backend: Backend) -> None:
    links = tree(client.get("/").text).findall(".//ul[@class='languages']//a")
    offered = [(link.attrib["hreflang"], words(link)) for link in links]
    assert offered[:2] == [("de", "Deutsch (du)"), ("de-formal", "Deutsch (Sie)")]
    assert "Enter your email" not in client.get("/?lang=de-formal").text
    assert "Tragen Sie Ihre E-Mail-Adresse ein" in client.get("/?lang=de-formal").text
    client.post("/subscribe", data={"email": ADA, "language": "de-formal"})
    assert backend.subscriber(ADA).language == "de-formal"
    page = tree(client.get(backend.settings(ADA)).text)
    options = page.findall(".//select[@name='language']/option")
    assert [words(option) for option in options][:3] == ["Deutsch (du)", "Deutsch (Sie)", "English"]
    assert [option.attrib["value"] for option in options if "selected" in option.attrib] == ["de-formal"]


def test_language_of_a_region_is_kept(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, language="de-AT")
    page = tree(client.get(backend.settings(ADA)).text)
    options = page.findall(".//select[@name='language']/option")
    [chosen] = [option for option in options if "selected" in option.attrib]
    assert (words(chosen), chosen.attrib["value"]) == ("Deutsch (du)", "de-AT")


def test_papers_say_their_own_language(client: TestClient, backend: Backend) -> None:
    backend.import_papers(
        {"title": "How the lakes of the north freeze", "abstract": "We show that the ice of lakes is thin."}
    )
    for language, said in (("de", "en"), ("en", None)):
        title = tree(client.get(f"/?lang={language}").text).find(".//*[@class='title']")
        assert title is not None
        assert title.get("lang") == said
