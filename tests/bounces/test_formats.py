"""Test the bounce formats: each sample's file name ends with its expected kind."""

from email.header import Header
from pathlib import Path

import pytest

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.formats import FORMATS, BounceReport, Classification, classify
from digestd.replies.parsed_mail import parse_mail

VERP = "bounce+17.2.aaaabbbbccccddddeeeeffff@bounces.example.org"
ID = "<digest.2026-11-24.aaaabbbbccccddddeeeeffff@example.org>"
LINK = "https://digest.example.org/u/AAAA"
UNTAGGED = "blacked-out-complaint"
AUTOMATIC = """
Automatic reply: lakes | Out of the office | I am on annual leave | Automatische Antwort: Seen | Nicht im Büro
Fuori ufficio | Réponse automatique : lacs | Respuesta automática | Estoy de vacaciones
Resposta automática: lagos | Risposta automatica | Automatisch antwoord: meren | Automatiskt svar: sjöar
Automatisk svar: innsjøer | Automaattinen vastaus: järvet | Odpowiedź automatyczna: jeziora
Automatická odpověď: jezera | Automatikus válasz | Răspuns automat: lacuri | Samodejni odgovor
Автоматический ответ: озёра | Автоматична відповідь | Автоматичен отговор | Αυτόματη απάντηση: λίμνες
Otomatik yanıt: göller | תשובה אוטומטית: אגמים | رد تلقائي: بحيرات | Trả lời tự động: hồ
Balasan otomatis: danau | 自动回复：湖 | 自動返信: 湖 | 不在のお知らせ | 자동 회신: 호수
การตอบกลับอัตโนมัติ: ทะเลสาบ | [External] Autoreply: lakes
"""
"""Subjects of automatic replies."""
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.eml"))


def mail(file: Path) -> bytes:
    text = file.read_text(encoding="utf-8")
    return text.replace("@VERP@", VERP).replace("@ID@", ID).replace("@LINK@", LINK).encode()


def classified(file: Path) -> str:
    reading = classify(parse_mail(mail(file)))
    if reading.report is None:
        return "unread"
    return str(reading.report.kind or "nothing")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_classification_of_each_sample(file: Path) -> None:
    assert classified(file) == file.stem.rpartition("-")[2]


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_classification_ignores_line_ends(file: Path) -> None:
    wire = mail(file).replace(b"\n", b"\r\n").rstrip()
    assert classify(parse_mail(wire)).report == classify(parse_mail(mail(file))).report


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_envelopes_contain_return_path(file: Path) -> None:
    assert (VERP in classify(parse_mail(mail(file))).envelopes) == (file.stem != UNTAGGED)


@pytest.mark.parametrize("subject", AUTOMATIC.replace("\n", "|").strip("|").split("|"))
def test_automatic_subject_is_known_in_many_languages(subject: str) -> None:
    raw = f"From: ada@example.net\nSubject: {Header(subject.strip(), 'utf-8').encode()}\n\nSee you.\n"
    assert classify(parse_mail(raw.encode())).report == BounceReport(None)


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply generation: add it?", "Absence of ice: a question", "Re: Out of office hours", "Away games"],
)
def test_subject_of_a_person_is_not_automatic(subject: str) -> None:
    assert classify(parse_mail(f"From: ada@example.net\nSubject: {subject}\n\nHi\n".encode())).report is None


def test_formats_all_have_a_sample() -> None:
    assert {classify(parse_mail(mail(file))).via for file in SAMPLES} - {""} == set(FORMATS)


def test_message_ids_contain_the_returned_mail() -> None:
    reading = classify(parse_mail(mail(_sample("gmail-hard"))))
    assert ID in reading.message_ids
    assert reading.report is not None
    assert (reading.report.kind, reading.report.status) == (BounceKind.HARD, "5.1.1")


def test_envelopes_start_with_smtp_recipient() -> None:
    assert classify(parse_mail(b"From: a@example.org\n\nhi\n"), (VERP,)).envelopes[0] == VERP


def test_dsn_keeps_unspecific_status_without_better() -> None:
    reading = classify(parse_mail(mail(_sample("exim-hard"))))
    assert reading.report is not None
    assert reading.report.status == "5.0.0"


def test_dsn_takes_status_from_text_if_unspecific() -> None:
    raw = mail(_sample("gmail-full-soft")).replace(b"Status: 5.2.2", b"Status: 5.0.0")
    assert _status(classify(parse_mail(raw))) == "5.2.2"


def test_dsn_reports_most_severe_recipient() -> None:
    second = b"\nFinal-Recipient: rfc822; x@example.net\nAction: failed\nStatus: 5.1.1\n"
    border = b"--cut-here/1\nContent-Type: text/rfc822"
    raw = mail(_sample("postfix-delayed")).replace(border, second + b"\n" + border)
    reading = classify(parse_mail(raw))
    assert reading.report is not None
    assert reading.report.kind is BounceKind.HARD


def _status(reading: Classification) -> str:
    assert reading.report is not None
    return reading.report.status


def _sample(name: str) -> Path:
    return next(file for file in SAMPLES if file.stem == name)
