"""Test the settings page: everything can be seen and changed, by its owner only."""

import json
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import MailKind
from digestd.domain.interest import Kind, Stance, Verdict, values
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Cadence, Cause, MinScore, Status
from digestd.store import consent, subscribers
from digestd.subscribers import feedback
from digestd.subscribers.personal_data import erase
from digestd.subscribers.status_changes import unsubscribe
from digestd.web import build
from tests.conftest import database_url
from tests.web.conftest import PAPER, Backend
from tests.web.html import heading, tree, words

__all__ = ["database_url"]

ADA, NEW = "ada@example.org", "ada@example.com"


def filled(html: str) -> dict[str, str]:
    """Return what the main form of the page would send."""
    form = tree(html).find(".//form")
    assert form is not None
    said: dict[str, str] = {}
    for field in form.iter():
        name, kind = field.get("name"), field.get("type")
        if not name or (kind in {"radio", "checkbox"} and field.get("checked") is None):
            continue
        if field.tag == "select":
            said[name] = next(o.get("value", "") for o in field.iter("option") if o.get("selected") is not None)
        else:
            said[name] = (field.text or "") if field.tag == "textarea" else field.get("value", "")
    return said


def notice(html: str) -> str:
    found = tree(html).find(".//p[@role='status']")
    return "" if found is None else words(found)


def test_unchanged_form_changes_nothing(client: TestClient, backend: Backend) -> None:
    backend.join(
        ADA, topics=["protein folding"], venues=["Nature"], mute={"institutions": ["Pond"]}, name="Ada", hour=9
    )
    before = backend.subscriber(ADA)
    page = client.get(backend.settings(ADA))
    assert ADA not in page.text
    assert "a•••@example.org" in page.text
    answer = client.post(backend.settings(ADA), data=filled(page.text))
    assert answer.status_code == 200
    assert notice(answer.text).startswith("Saved.")
    assert backend.subscriber(ADA) == before


def test_refused_topic_is_muted_and_said(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, topics=["protein folding"])
    said = filled(client.get(backend.settings(ADA)).text) | {"topics": "protein folding\nnot self driving cars"}
    answer = client.post(backend.settings(ADA), data=said)
    interests = backend.subscriber(ADA).interests
    assert values(interests, Kind.TOPIC) == ("protein folding",)
    assert values(interests, Kind.TOPIC, Stance.MUTED) == ("self driving cars",)
    assert "Muted: “self driving cars”." in answer.text
    assert filled(answer.text)["mute_topics"].strip() == "self driving cars"


def test_changes_keep_pending_digest(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, topics=["protein folding"], likes=["2401.00001"])
    said = {
        **{
            "authors": "B. Other; D. Fourth",
            "topics": "graph theory\nsorting",
            "phrases": "exact words",
            "categories": "cs.DS",
        },
        **{"likes": "2401.00002", "mute_topics": "chess", "mute_phrases": "poker", "mute_authors": "C. Third"},
        **{
            "mute_categories": "cs.AI",
            "hour": "18",
            "timezone": "Europe/Berlin",
            "cadence": "weekly",
            "weekday": "fri",
        },
        **{"size": "3", "min_score": "high", "language": "de", "name": "Ada L."},
        **{"institutions": "MIT", "venues": "Nature", "mute_institutions": "Lake Office", "mute_venues": "Lakes"},
    }
    answer = client.post(backend.settings(ADA), data=said)
    assert answer.status_code == 200
    assert "Gespeichert" in notice(answer.text), "the page speaks the language that was chosen"
    known = backend.subscriber(ADA)
    assert (known.timing.hour, known.timing.timezone, known.timing.weekday) == (18, "Europe/Berlin", 4)
    assert (known.timing.cadence, known.preferences.size, known.preferences.min_score) == (
        Cadence.WEEKLY,
        3,
        MinScore.HIGH,
    )
    assert (known.language, known.preferences.name, known.version) == ("de", "Ada L.", 1)
    assert {(i.kind, i.value, i.stance) for i in known.interests} == {
        *((Kind.TOPIC, value, Stance.LIKED) for value in ("graph theory", "sorting")),
        *((Kind.PAPER, f"arxiv:2401.0000{n}", Stance.LIKED) for n in (1, 2)),
        *((kind, value, Stance.LIKED) for kind, value in ((Kind.PHRASE, "exact words"), (Kind.AUTHOR, "B. Other"))),
        (Kind.AUTHOR, "D. Fourth", Stance.LIKED),
        *((kind, value, Stance.MUTED) for kind, value in ((Kind.TOPIC, "chess"), (Kind.PHRASE, "poker"))),
        *((kind, value, Stance.MUTED) for kind, value in ((Kind.AUTHOR, "C. Third"), (Kind.CATEGORY, "cs.AI"))),
        *((Kind.CATEGORY, "cs.DS", Stance.LIKED), (Kind.INSTITUTION, "MIT", Stance.LIKED)),
        *((Kind.VENUE, "Nature", Stance.LIKED), (Kind.INSTITUTION, "Lake Office", Stance.MUTED)),
        (Kind.VENUE, "Lakes", Stance.MUTED),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Mars/Olympus"), ("hour", "24"), ("size", "0"), ("min_score", "x"), ("cadence", "hourly"),
        ("likes", "no paper"), ("topics", "x" * 1001), ("mute_authors", "x" * 301), ("language", "??"),
        ("name", "x" * 201),
    ],
)  # fmt: skip
def test_invalid_field_is_marked_and_nothing_saved(
    client: TestClient, backend: Backend, field: str, value: str
) -> None:
    backend.join(ADA, topics=["protein folding"])
    before = backend.contents()
    said = {**filled(client.get(backend.settings(ADA)).text), "topics": "other", field: value}
    answer = client.post(backend.settings(ADA), data=said)
    assert answer.status_code == 422
    assert tree(answer.text).find(f".//*[@id='{field}-problem']") is not None
    assert backend.contents() == before


def test_interest_cannot_be_muted_too(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    said = {**filled(client.get(backend.settings(ADA)).text), "topics": "chess", "mute_topics": "Chess"}
    answer = client.post(backend.settings(ADA), data=said)
    assert answer.status_code == 422
    assert tree(answer.text).find(".//*[@id='mute_topics-problem']") is not None


def test_profile_summary_can_be_corrected(client: TestClient, backend: Backend) -> None:
    for n in range(3):
        backend.import_papers(
            {**PAPER, "id": f"2401.0000{n}", "title": f"Zebrafish hearts {n}", "abstract": "Of hearts."}
        )
    for n in range(3, 8):
        backend.import_papers({**PAPER, "id": f"2401.0000{n}", "title": f"River deltas {n}", "authors": [f"Other {n}"]})
    backend.join(ADA, topics=["protein folding"], likes=["2401.00000"])
    for n in (1, 2):
        feedback.add_feedback(
            backend.app.db, backend.app.keys, ADA, PaperId(f"arxiv:2401.0000{n}"), Verdict.MORE, backend.clock()
        )
    page = client.get(backend.settings(ADA)).text
    for said in ("zebrafish", "Author 3", "protein folding", "Zebrafish hearts 2"):
        assert said.lower() in page.lower(), said
    at = backend.settings(ADA)
    assert client.post(f"{at}/mute", data={"kind": "topic", "value": "zebrafish"}).status_code == 200
    assert client.post(f"{at}/mute", data={"kind": "author", "value": "Author 3"}).status_code == 200
    assert client.post(f"{at}/mute", data={"kind": "topic", "value": "protein folding"}).status_code == 200
    assert client.post(f"{at}/drop", data={"kind": "paper", "value": "arxiv:2401.00000"}).status_code == 200
    assert client.post(f"{at}/drop", data={"kind": "paper", "value": "arxiv:2401.00001"}).status_code == 200
    assert {(i.kind, i.value) for i in backend.subscriber(ADA).interests} == {
        (Kind.TOPIC, "zebrafish"), (Kind.AUTHOR, "Author 3"), (Kind.TOPIC, "protein folding"),
    }  # fmt: skip
    assert {i.stance for i in backend.subscriber(ADA).interests} == {Stance.MUTED}
    after = client.get(at).text
    assert "Zebrafish hearts 2" in after
    assert "Zebrafish hearts 1" not in after
    assert client.post(f"{at}/mute", data={"kind": "planet", "value": "x"}).status_code == 422


def test_pause_ends_on_its_day(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    backend.join(ADA, hour=7, timezone="Europe/Berlin")
    assert client.post(f"{backend.settings(ADA)}/pause", data={"until": "2026-11-27"}).status_code == 200
    assert backend.subscriber(ADA).status is Status.PAUSED
    assert "Friday, 27 November" in client.get(backend.settings(ADA)).text
    backend.clock.now = backend.clock.now.replace(day=26, hour=22, minute=59)
    backend.plan_only()
    assert backend.subscriber(ADA).status is Status.PAUSED
    backend.clock.advance(minutes=2)
    backend.plan_only()
    known = backend.subscriber(ADA)
    assert (known.status, known.paused_until, known.last_date) == (Status.ACTIVE, None, None)
    with backend.app.db.read() as session:
        assert consent.history(session, known.key)[-1].cause is Cause.PAUSE_ENDED
    backend.clock.now = backend.clock.now.replace(day=27, hour=6, minute=0)
    backend.plan_only()
    assert backend.subscriber(ADA).last_date == "2026-11-27", "the digest comes at the hour, not at midnight"


@pytest.mark.parametrize("day", ["2026-11-24", "2020-01-01", "2028-01-01", "0001-01-01", "9999-12-31", "soon"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_pause_requires_future_day(client: TestClient, backend: Backend, day: str, zone: str) -> None:
    backend.join(ADA, timezone=zone)
    assert client.post(f"{backend.settings(ADA)}/pause", data={"until": day}).status_code == 422
    assert backend.subscriber(ADA).status is Status.ACTIVE


def test_settings_link_expires_after_30_days(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    old = backend.settings(ADA)
    backend.clock.advance(days=30)
    assert client.get(old).status_code == 200
    backend.clock.advance(seconds=1)
    assert client.get(old).status_code == 410
    assert heading(client.post(old, data={}).text) == "This link has expired"


def test_new_link_is_mailed_once_a_day(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    backend.clock.advance(days=1)
    answers = {client.post("/settings", data={"email": email}).content for email in (ADA, "nobody@example.org", ADA)}
    assert len(answers) == 1
    assert backend.mails(MailKind.SETTINGS) == [backend.subscriber(ADA).key]
    assert client.post("/settings", data={"email": "x"}).status_code == 422
    backend.clock.advance(days=1, seconds=1)
    client.post("/settings", data={"email": ADA})
    assert len(backend.mails(MailKind.SETTINGS)) == 2


def test_unsubscribe_can_be_undone_within_hour(client: TestClient, backend: Backend) -> None:
    key = backend.join(ADA).key
    at = backend.settings(ADA)
    client.post(f"{at}/leave")
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED
    assert notice(client.post(f"{at}/back").text).startswith("Welcome back")
    assert backend.subscriber(ADA).status is Status.ACTIVE
    client.post(f"{at}/leave")
    backend.clock.advance(hours=1, seconds=1)
    assert heading(client.post(f"{at}/back").text) == "Check your inbox"
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED, "until they confirm"
    assert backend.mails(MailKind.CONFIRM) == [key]
    client.post(backend.confirmation(ADA))
    assert backend.subscriber(ADA).status is Status.ACTIVE


def test_data_export_is_one_file(client: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    backend.join(ADA, name="Ada Lovelace", topics=["sorting"], hour=0)
    backend.plan()
    answer = client.get(f"{backend.settings(ADA)}/data.json")
    assert "attachment" in answer.headers["content-disposition"]
    kept = json.loads(answer.text)
    assert kept["subscriber"]["topics"] == ["sorting"]
    assert kept["delivery"][0]["picks"]
    assert kept["consent_event"][0]["status"] == "active"


def test_page_is_small_without_inline_script(client: TestClient, backend: Backend) -> None:
    backend.join(ADA, topics=[f"topic {n}" for n in range(50)], authors=[f"Author {n}" for n in range(50)])
    page = client.get(backend.settings(ADA))
    assert len(page.content) < 60_000
    assert [script.text for script in tree(page.text).iter("script")] == [None]


def test_unsubscribed_can_export_but_erased_cannot(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    with backend.app.db.read() as session:
        key = subscribers.by_key(session, backend.subscriber(ADA).key)
    assert key is not None
    unsubscribe(backend.app.db, key.key, Cause.WEB, backend.clock())
    at = backend.settings(ADA)
    assert client.get(f"{at}/data.json").status_code == 200
    erase(backend.app.db, backend.app.keys, ADA, backend.clock())
    assert client.get(f"{at}/data.json").status_code == 404


def test_saving_tells_about_topics_and_offers_others(client: TestClient, backend: Backend) -> None:
    backend.import_papers(*({"id": f"sample:{n}", "title": f"Lichen growth, part {n}"} for n in range(6)))
    backend.join(ADA, topics=["lichen growth"])
    form = filled(client.get(backend.settings(ADA)).text) | {"topics": "lichen growth\nlichne growth"}
    page = tree(client.post(backend.settings(ADA), data=form).text)
    hints = page.find(".//div[@id='hints']")
    assert hints is not None
    first = "“lichen growth”: 6 papers in the last week. "
    assert words(hints).startswith(f"{first}We read “lichne growth” as “lichen growth”: 6 papers in the last week.")
    offer = hints.find(".//button")
    assert offer is not None
    client.post(backend.settings(ADA), data=form | {"chosen_topic": offer.attrib["value"]})
    assert {interest.value for interest in backend.subscriber(ADA).interests} == {"lichen growth"}


def test_preview_shows_next_digest_and_saves_nothing(client: TestClient, backend: Backend) -> None:
    lakes = {"id": "invented:1", "title": "Ice on alpine lakes", "abstract": "How alpine lakes freeze. " * 30}
    frogs = {"id": "invented:2", "title": "Songs of tree frogs", "abstract": "Why tree frogs sing. " * 30}
    backend.import_papers({**lakes, "summary": "All lakes were watched."}, frogs)
    for address in (ADA, NEW):
        backend.join(address, topics=["alpine lakes"], hour=0)
    here = backend.settings(ADA)
    unasked = client.get(here).text
    assert "in the last week" not in unasked, "a page loads no papers"
    form = filled(unasked)

    def seen(topics: str) -> tuple[str, str]:
        page = client.post(f"{here}/preview", data=form | {"topics": topics}).text
        preview, hints = (tree(page).find(f".//*[@id='{name}']") for name in ("preview", "hints"))
        assert filled(page)["topics"].strip() == topics
        assert preview is not None
        assert hints is not None
        return words(preview), words(hints)

    shown, counted = seen("alpine lakes")
    assert "All lakes were watched." in shown
    assert shown.count("How alpine lakes freeze.") == 30
    assert "tree frogs" not in shown
    assert counted == "“alpine lakes”: 1 paper in the last week."
    before = backend.contents()
    assert "Songs of tree frogs" in seen("tree frogs")[0]
    assert backend.contents() == before
    for address in (ADA, NEW):
        assert counted in words(tree(client.get(backend.settings(address)).text)), "they are loaded"
    other = client.post(f"{here}/preview/picks", data=form | {"topics": "alpine lakes", "language": "de"}).text
    assert "Matches your topic" in other, "the page is in the stored language until it is saved"
    assert client.post(f"{here}/preview", data=form | {"hour": "24"}).status_code == 422
    backend.plan()
    assert "No paper for your next digest yet." in seen("alpine lakes")[0]
    assert "Nothing is new" not in seen("tree frogs")[0]


def test_settings_show_next_digest_in_local_time(client: TestClient, backend: Backend) -> None:
    backend.join("ada@example.org", timezone="Asia/Kathmandu", hour=20)
    here = backend.settings("ada@example.org")
    assert "Next digest: Tuesday, 24 November at 20:00 (Asia/Kathmandu)" in words(tree(client.get(here).text))
    client.post(f"{here}/pause", data={"until": "2026-12-10"})
    assert "Next digest: Thursday, 10 December at 20:00 (Asia/Kathmandu)" in words(tree(client.get(here).text))
    client.post(f"{here}/resume")
    client.post(f"{here}/pause", data={"until": ""})
    assert "Next digest" not in client.get(here).text


def test_settings_of_unconfirmed_show_no_next_digest(client: TestClient, backend: Backend) -> None:
    backend.join("bob@example.org", status="pending")
    shown = client.get(backend.settings("bob@example.org")).text
    assert "No digest comes before you’ve confirmed" in shown
    assert "Next digest" not in shown


def test_settings_say_which_papers_do_not_count(app: App, client: TestClient, backend: Backend) -> None:
    backend.import_papers({"id": "arxiv:2611.00001", "title": "Lakes freeze"})
    backend.join("ada@example.org", likes=["2611.00001", "2611.90001", "feed:0123456789abcdef"])
    here = backend.settings("ada@example.org")
    assert client.get(here).text.count("Not known yet. It counts as soon as a source has it.") == 2
    asking = replace(app, settings=app.settings.model_copy(update={"paper_lookup": True}))
    shown = TestClient(build(asking)).get(here).text
    assert "Being looked up at arXiv and Hugging Face. It doesn’t count yet." in shown
    assert shown.count("Not known yet. It counts as soon as a source has it.") == 1
