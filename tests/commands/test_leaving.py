"""Test that wishes to leave are told from questions, denials and narrower wishes, in many languages."""

import subprocess
import sys
from pathlib import Path

import pytest

from digestd.replies.commands.leaving import LINES_MAX, Wish, read_wish
from digestd.replies.parsed_mail import html_to_lines, parse_mail
from tests import golden

CLEAR = """
Kindly take my address off your mailing list. | Could you remove me from this list? | I'd like to opt out
Please do not write to me again | Don't send me any more emails! | No more mails, please. | stop | Remove me
I hereby opt out, thank you | Please sign me off | I want to sign off from this list | Unsubscribe me today
I have left the field. Please unsubscribe me. | Unsubscribe this address: ada@example.net
Bitte nehmen Sie mich aus dem Verteiler | Bitte streicht mich von der Liste
Ich möchte keine Mails mehr bekommen | Melden Sie mich bitte ab. | Retirez-moi de votre liste
Je ne veux plus recevoir vos e-mails | Merci de me désabonner | baja | Sáquenme de la lista, por favor
No quiero recibir más mensajes | Não quero mais receber e-mails | Por favor, removam-me da lista
Toglietemi dalla lista | Afmelden graag | Ik wil geen nieuwsbrieven meer | Ta bort mig från listan, tack
Fjern meg fra listen | Slet mig fra listen | Poistakaa minut postituslistalta | Proszę mnie wypisać z listy
Odhlaste mě prosím | Leiratkozom | Vreau să mă dezabonez | Odjavite me | Отпишите меня
Уберите меня из рассылки, пожалуйста | Відпишіть мене | Διαγράψτε με | Lütfen beni listeden çıkarın
הסירו אותי מהרשימה | إلغاء الاشتراك | Hủy đăng ký | Saya mau berhenti berlangganan | 请退订 | 请把我从列表里删除
不想再收到邮件了 | 請取消訂閱 | 配信停止をお願いします | もうメールを送らないでください | 구독을 취소해 주세요
ยกเลิกการสมัคร
"""
DOUBTFUL = """
How do I unsubscribe? | Where is the link to opt out? | The unsubscribe page shows an error | Can I unsubscribe?
I am thinking of unsubscribing, what would I miss? | My colleague wants to unsubscribe
Stop sending me the abstracts | Please remove me from the list of reviewers | Don't send me mails on Sundays
Unsubscribe me from the topic lakes | Wie kann ich mich abmelden? | Comment se désabonner ?
¿Cómo me doy de baja? | Hoe kan ik me afmelden? | Как отписаться? | 退订怎么操作
登録解除の方法を教えてください | 구독 취소는 어떻게 하나요?
I want to opt out of the weekly, keep daily | Opt out Ada | Unsubscribe me from the daily one
You removed me from the list | You have removed me from the list! | 你们已经把我从列表里删了 | リストから削除されました
Stop my digest for now | Please stop sending me emails for now | Unsubscribe me until the summer
Bitte vorläufig abmelden | Désabonnez-moi pour le moment | Darme de baja por ahora
暂时退订 | しばらく配信停止をお願いします | 당분간 구독 취소
Best, sign off | I sign off | I will sign off now
"""
NONE = """
Please don't unsubscribe me! | I would never unsubscribe | Do not stop sending! | Ich will mich nicht abmelden
Bitte melden Sie mich nicht ab | Ne me désabonnez pas | No quiero darme de baja | Я не хочу отписываться
我不想退订 | 退会しません | 退会を取り消したいです | Thanks, I like the list | Leave one out validation
I leave on Monday | Cancel the meeting | Remove topic lakes | Stop the pause | Ya no recibo los correos
Je ne reçois plus rien | To unsubscribe from this group, visit https://groups.example.net
Unsubscribe: mailto:leave@example.net
"""


def lines_of(text: str, wish: Wish) -> list[tuple[str, Wish]]:
    return [(line, wish) for row in text.strip().splitlines() for line in row.split(" | ")]


@pytest.mark.parametrize(
    ("line", "wish"),
    [*lines_of(CLEAR, Wish.CLEAR), *lines_of(DOUBTFUL, Wish.DOUBTFUL), *lines_of(NONE, Wish.NONE)],
)
def test_read_wish(line: str, wish: Wish) -> None:
    assert read_wish([line], "ada@example.net") is wish


@pytest.mark.parametrize("file", sorted(Path(golden.__file__).parent.glob("*.eml")), ids=lambda file: file.stem)
def test_links_of_a_digest_are_no_clear_wish(file: Path) -> None:
    """A program may quote a digest without marks."""
    lines = html_to_lines(next(part.text for part in parse_mail(file.read_bytes()).parts if part.type == "text/html"))
    said = [" ".join(line.split()) for line in lines if line.strip()]
    assert file.stem == "confirm" or all(read_wish(["Great!", line]) is not Wish.CLEAR for line in said)


def test_read_wish_is_quick_for_repeated_words() -> None:
    """Show that no wording is tried in ever more ways, which would take hours here."""
    said = ["たいです" * 75, "希望します" * 60, f"停止{'たいです' * 70}X", "thank you " * 30]
    code = f"from digestd.replies.commands.leaving import read_wish; assert not any(read_wish([one]) for one in {said})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_read_wish_joins_wrapped_lines() -> None:
    wrapped = ["My field has changed and I do not need this digest: please take my", "address off your list.", "Ada"]
    assert read_wish(wrapped) is Wish.CLEAR


def test_read_wish_ignores_what_follows_far_below() -> None:
    assert read_wish([*["A line."] * LINES_MAX, "unsubscribe"]) is Wish.NONE
