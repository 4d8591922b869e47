"""Test that a wish to leave counts only alone, in whole replies as people and their programs write them."""

# ruff: noqa: E501  # one reply a line

import pytest

from digestd.replies.commands.parsing import Verb, parse_commands
from tests.commands.mails import letter, mail
from tests.commands.test_parsing import WORDS

HARMLESS = [
    "Please remove bob@example.net from your list.",
    "Please unsubscribe bob@example.net, thanks.",
    # footers of mailing lists, newsletters and companies
    "Thanks, the third one is for us.\n\nTo unsubscribe from the LAB list, click the following link:\nhttps://lab.example.net/leave",
    "To unsubscribe from the LAB list, click the following link:",
    "To unsubscribe from the LAB list, click the following link: https://lab.example.net/?A=1",
    "Nice paper!\n\nPosted by: Ada\nTo unsubscribe from this group, send an email to:\nlab-unsubscribe@groups.example.net",
    "Forwarded to the group.\n\nYou received this message because you are subscribed to the group.\nTo unsubscribe from this group and stop receiving emails from it, send an email to lab+unsubscribe@example.net.",
    "To unsubscribe from this group and stop receiving emails from it, send an email to lab+unsubscribe@example.net.",
    "Interesting.\n_______________________________________________\nLab mailing list\nTo unsubscribe send an email to lab-leave@example.net",
    "Read it already.\nTo unsubscribe send an email to lab-leave@example.net",
    "Unsubscribe | Preferences | Imprint",
    "Good selection today.\nUnsubscribe | Preferences | Imprint",
    "Unsubscribe | Abmelden | Se désabonner",
    "Unsubscribe • Privacy • Contact",
    "Thank you!\nUnsubscribe · View in browser",
    "Gute Auswahl heute.\nLab GmbH, Seestraße 1\nNewsletter abbestellen",
    "Viele Grüße\nAda\nNewsletter abbestellen",
    "Zum Abbestellen des Newsletters klicken Sie hier",
    "Um sich vom Newsletter abzumelden, klicken Sie bitte hier.",
    "Spannend!\nSie können den Newsletter jederzeit abbestellen.",
    "Wenn Sie keine E-Mails mehr erhalten möchten, klicken Sie hier",
    "Impressum | Datenschutz | Abmelden",
    "Merci !\nPour vous désabonner, cliquez ici",
    "Pour ne plus recevoir nos courriels, cliquez ici.",
    "Si vous ne souhaitez plus recevoir nos e-mails, désabonnez-vous",
    "Très bon choix.\nSe désabonner de la lettre",
    "Para darse de baja de esta lista, haga clic aquí",
    "Gracias por el artículo.\nDarse de baja | Aviso legal",
    "Si no desea recibir más correos, haga clic aquí.",
    "Para cancelar a inscrição, clique aqui",
    "Se não deseja mais receber e-mails, clique aqui",
    "Per cancellare l'iscrizione alla newsletter, clicca qui",
    "Om u af te melden voor de nieuwsbrief, klik hier",
    "Чтобы отписаться от рассылки, нажмите здесь",
    "如需退订，请点击此处",
    "配信停止はこちら",
    "구독 취소는 여기를 클릭",
    "If you no longer wish to receive emails from us, unsubscribe",
    "You can unsubscribe at any time.",
    # prose
    "Stop! This paper is great",
    "Stop!\nGreat paper",
    "Stop. You must read number 3.",
    "Cancel: my meeting with Bob is on Friday, so I can read the third paper.",
    "Cancel my 3 pm, I am reading!",
    "End.",
    "The end.",
    "Leave! No paper convinced me",
    "Leave it at that.\nBest, Ada",
    "Remove: number 3 is not about lakes",
    "Quit.\nThe rest was boring.",
    "Unsubscribe rates fell by half in paper 2, funny.",
    "Unsubscribe\nis what my colleague wants. I stay!",
    "Stop! Tolles Paper",
    "Stopp!\nTolles Paper",
    "Ende.",
    "Kündigen? Niemals!",
    "Abbestellen werde ich das nie, zu gut.",
    "Arrêtez ! Cet article est formidable",
    "Fin.",
    "Annuler : la réunion avec Luc est déplacée",
    "Baja. La calidad de los artículos de hoy es baja.",
    "Cancelar: la reunión con Pablo",
    "Salir. Me voy a leer el artículo 2.",
    "Pare! Este artigo é ótimo",
    "Chega. O terceiro artigo é o melhor.",
    "Fine.",
    "Basta! Questo articolo è splendido",
    "Stop! Dit artikel is geweldig",
    "Хватит. Третья статья отличная",
    "停止！这篇论文很好",
    "停止！很好",
    "取消。明天的会议改期了",
    "停止！この論文は素晴らしい",
    "やめ！最高です",
    "취소! 이 논문 최고",
    # automatic answers without headers, tickets
    "I am out of the office until Monday.\nTo stop these notices, leave the list.",
    "Your ticket was received.\nCancel | Reopen",
    "Please do not reply to this mail.\nUnsubscribe from ticket updates",
    # a wish below the closing, or of other people
    "Great digest!\nBest regards,\nAda\nP.S. My boss would like to unsubscribe, too.",
    "Please unsubscribe Bob.",
    "Please unsubscribe me from the topic lakes, the rest is fine.",
    "I read all of them with joy.\nPlease keep sending.\nNever unsubscribe me!",
]
LEAVING = [
    "Unsubscribe",
    "unsubscribe me please\n\nAda",
    "Unsubscribe\nAda Lovelace",
    "stop\nAda",
    "Hi,\n\nplease unsubscribe me.\n\nBest regards,\nAda Lovelace\nInstitute of Engines\nRoom 2, phone 555 0100",
    "Dear editors, please take me off your list. Thank you very much for your work!\n\nAll the best\nAda",
    "Please unsubscribe me.\n\nSent from my iPhone",
    "stop\n\nGet Outlook for iOS",
    "Please remove me from this list.\nThanks in advance\nAda\n\nThis e-mail is confidential and intended for its addressee only.",
    "Stop\n\nOn Tue, 24 Nov 2026, Papers Daily wrote:\n> Unsubscribe",
    "On Tue, 24 Nov 2026, Papers Daily wrote:\n> One paper\n> Unsubscribe\n\nPlease unsubscribe me",
    "Unsubscribe\n-- \nAda\nTo unsubscribe from the LAB list, click",
    "I have changed jobs. Please unsubscribe me, thanks.",
    "Too many emails. Unsubscribe me please.",
    "Sehr geehrte Damen und Herren,\n\nbitte nehmen Sie mich aus dem Verteiler.\n\nMit freundlichen Grüßen\nAda Lovelace",
    "Hallo liebes Team, bitte abmelden. Vielen Dank im Voraus!\nLG Ada",
    "Bitte abmelden\n\nVon meinem iPhone gesendet",
    "Bonjour,\nMerci de me désabonner.\nCordialement,\nAda",
    "Je souhaite me désabonner.\n\nEnvoyé de mon iPhone",
    "Hola, quiero darme de baja. Muchas gracias.\nUn saludo, Ada",
    "Prezados, gostaria de cancelar a minha inscrição.\nAtenciosamente,\nAda",
    "Buongiorno, toglietemi dalla lista. Grazie mille\nCordiali saluti",
    "Beste redactie,\nGraag afmelden.\nMet vriendelijke groet,\nAda",
    "Здравствуйте! Отпишите меня, пожалуйста.\nС уважением, Ада",
    "您好，请退订，谢谢！",
    "お世話になっております。山田です。\n配信停止をお願いします。\nよろしくお願いいたします。",
    "안녕하세요. 구독을 취소해 주세요. 감사합니다.",
]


def verbs(body: str, subject: str = "Re: 2 papers") -> list[Verb]:
    return [command.verb for command in parse_commands(letter(mail(body, subject)), WORDS)]


@pytest.mark.parametrize("body", HARMLESS)
def test_harmless_reply_does_not_leave(body: str) -> None:
    assert set(verbs(body)) <= {Verb.LEAVING}
    assert set(verbs(body, "unsubscribe")) <= {Verb.LEAVING, Verb.UNSUBSCRIBE}


@pytest.mark.parametrize("body", LEAVING)
def test_polite_wish_leaves(body: str) -> None:
    assert verbs(body) == [Verb.UNSUBSCRIBE]


@pytest.mark.parametrize(
    ("subject", "body", "found"),
    [
        ("unsubscribe", "", [Verb.UNSUBSCRIBE]),
        ("Unsubscribe me please", "Ada", [Verb.UNSUBSCRIBE]),
        ("unsubscribe", "Please take me off your list.\n\nThanks, Ada", [Verb.UNSUBSCRIBE]),
        ("Stop", "This paper is great", [Verb.LEAVING]),
        ("unsubscribe", "is what my boss would like. I love it!", [Verb.LEAVING]),
        ("Re: unsubscribe", "Thank you for the paper.", []),
        ("Fwd: unsubscribe", "", []),
        ("your digest", "Please unsubscribe me", [Verb.UNSUBSCRIBE]),
        ("Re: lakes", "unsubscribe\nmore 3", [Verb.UNSUBSCRIBE, Verb.MORE]),
        ("Re: lakes", "more 3\nunsubscribe\nThis list was fun while I worked on lakes.", [Verb.MORE, Verb.LEAVING]),
    ],
)
def test_subject_and_lines_are_read_together(subject: str, body: str, found: list[Verb]) -> None:
    assert verbs(body, subject) == found


@pytest.mark.parametrize("body", ["Stop! This paper is great", "Unsubscribe | Preferences | Imprint", "<b>End.</b>"])
def test_harmless_page_does_not_leave(body: str) -> None:
    html = mail("", "Re: 2 papers").replace(b"text/plain", b"text/html") + f"<p>{body}</p>".encode()
    commands = parse_commands(letter(html), WORDS)
    assert [command.verb for command in commands] == [Verb.LEAVING]
