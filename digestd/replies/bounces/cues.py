"""The words by which a returned mail shows what it is: one line each, with an example.

`tests/bounces/test_cues.py` checks that each example is recognised by its own line and by no line above it. Words are
regular expressions without regard to case; `^` and `$` stand for the ends of a line.
"""

# ruff: noqa: E501 - one line per cue

import re
from typing import NamedTuple


class Cue(NamedTuple):
    """One line of a table: the words, and a text that has them."""

    words: str
    example: str


# fmt: off
FAILED = (
    Cue(r"(not|n't|never|unable to|impossible to) (be |yet )?(been |able to )?(deliver|reach|receive)", "I was not able to deliver your message"),
    Cue(r"undeliver",                                           "Undelivered mail"),
    Cue(r"non[- ]?deliver",                                     "Non-delivery report"),
    Cue(r"could not be sent",                                   "Your mail could not be sent"),
    Cue(r"trouble delivering",                                  "We had trouble delivering this"),
    Cue(r"(delivery|mail|message)( \w+){0,5} (has |was )?(fail|reject|abort|refus)", "Your message to Ada was refused"),
    Cue(r"fail(ed|ure) (to deliver|permanently|recipient|reason)", "These addresses failed permanently"),
    Cue(r"delivery (fail|error|problem)",                       "A delivery problem"),
    Cue(r"error.{0,60}deliver",                                 "An error occurred while delivering"),
    Cue(r"permanent (fatal )?error",                            "It had permanent errors"),
    Cue(r"fatal error",                                         "A fatal error"),
    Cue(r"following (address|recipient)",                       "The following recipients"),
    Cue(r"returned (mail|message)",                             "Returned mail"),
    Cue(r"transcript of session",                               "Transcript of session follows"),
    Cue(r"action: ?failed",                                     "Action: failed"),
    Cue(r"invalid (user|final)",                                "Invalid final delivery userid"),
    Cue(r"unknown user",                                        "Unknown user"),
    Cue(r"account is disabled",                                 "The account is disabled"),
    Cue(r"envelope expired",                                    "Envelope expired"),
    Cue(r"incorrectly constructed",                             "The address is incorrectly constructed"),
    Cue(r"your message to .{0,80}(reject|exceed|cannot)",       "Your message to ada@example.net cannot pass"),
    Cue(r"(<<<|>>>) ?5\d\d",                                    "<<< 550 no"),
    Cue(r": 5\d\d[ -]",                                         "mx.example.net: 554 no"),
    Cue(r"^5\d\d[ -]",                                          "550 no"),
    Cue(r"nicht zugestellt",                                    "Ihre Nachricht wurde nicht zugestellt"),
    Cue(r"送信でき",                                             "送信できませんでした"),
    Cue(r"配信できません",                                        "配信できません"),
    Cue(r"配送できません",                                        "配送できません"),
    Cue(r"无法送达",                                             "无法送达"),
    Cue(r"不能送达",                                             "不能送达"),
    Cue(r"не (может быть|была?) достав",                        "Письмо не может быть доставлено"),
    Cue(r"недостав",                                            "Недоставленное письмо"),
)
"""The mail was not delivered."""
DELAYED = (
    Cue(r"warning message only",                                "This is a warning message only"),
    Cue(r"advisory-only",                                       "An advisory-only email"),
    Cue(r"(will|being) (be )?retried",                          "Delivery will be retried"),
    Cue(r"will (continue|keep|be attempted)",                   "We will keep trying"),
    Cue(r"continue to (try|be made)",                           "Attempts continue to be made"),
    Cue(r"delivery .{0,40}(has been |was )?(delayed|postponed)", "Delivery to ada@example.net was delayed"),
    Cue(r"action: ?delayed",                                    "Action: delayed"),
    Cue(r"is delayed for",                                      "Your mail is delayed for an hour"),
    Cue(r"not (yet )?been delivered yet",                       "It has not been delivered yet"),
    Cue(r"has not yet been delivered",                          "It has not yet been delivered"),
    Cue(r"do not need to (resend|retry)",                       "You do not need to resend it"),
)
"""The mail system still tries."""
SUBJECT = (
    Cue(r"undeliver",                                           "Undeliverable: papers"),
    Cue(r"non[- ]?deliver",                                     "Non delivery notice"),
    Cue(r"(not|n't|never) (be )?deliver",                       "Could not be delivered: papers"),
    Cue(r"fail(ure|ed)\b",                                      "Delivery failure"),
    Cue(r"returned (mail|to sender)",                           "Returned mail: see transcript"),
    Cue(r"delivery (status|error)",                             "Delivery Status Notification"),
    Cue(r"bounce",                                              "Bounced mail"),
    Cue(r"non remis",                                           "Message non remis"),
    Cue(r"mail system error",                                   "Mail system error"),
)
"""The subject of a bounce, unless it is that of a reply."""
COPY = (
    Cue(r"^[ >]*-{2,} *(below|original|returned|this is a copy|the header|unsent|enclosed)", "--- Below this line is a copy"),
    Cue(r"^-+ ?(original message|returned mail|start of)",      "- Original message"),
    Cue(r"^ *(below is a copy|message headers follow|original message follows|your message reads)", "Message headers follow:"),
    Cue(r"^received: (from|by) ",                               "Received: from mx.example.net"),
    Cue(r"^return-path: ",                                      "Return-Path: <a@example.org>"),
)
"""What comes before the copy of our own mail."""
QUOTED = (
    Cue(r"said[: ]",                                            "mx.example.net said: 550 no"),
    Cue(r"returned was[: ]",                                    "The error returned was: no"),
    Cue(r"respond(ed|s) with[^:\n]{0,40}[: ]",                  "The server responded with error: no"),
    Cue(r"responded as follows[: ]",                            "It responded as follows: no"),
    Cue(r"server message[: ]",                                  "Server message: no"),
    Cue(r"diagnostic-code[: ]",                                 "Diagnostic-Code: smtp; no"),
    Cue(r"reason[: ]",                                          "Reason: no"),
    Cue(r"because of[: ]",                                      "because of no"),
)
"""What introduces the reply of the other server."""
AUTOMATIC_SUBJECT = (
    Cue(r"out[- ]of[- ](the )?office",                          "Out of office"),
    Cue(r"(i( am|.m) )?(currently )?on vacation",                "I am on vacation"),
    Cue(r"auto(matic)?[ -]?(reply|response|answer)",            "Automatic reply: papers"),
    Cue(r"automatische[ _]antwort",                             "Automatische Antwort"),
    Cue(r"abwesen",                                             "Abwesenheitsnotiz"),
    Cue(r"\S{0,30}ponse[ _]automatique",                        "Réponse automatique"),
    Cue(r"absence du bureau",                                   "Absence du bureau"),
    Cue(r"respuesta[ _]autom",                                  "Respuesta automática"),
    Cue(r"fuera de (la )?oficina",                              "Fuera de la oficina"),
    Cue(r"risposta[ _]autom",                                   "Risposta automatica"),
    Cue(r"resposta[ _]autom",                                   "Resposta automática"),
    Cue(r"fora do escritório",                                  "Fora do escritório"),
    Cue(r"自动(回复|答复)",                                       "自动回复：论文"),
    Cue(r"自動(返信|応答)",                                       "自動返信：論文"),
    Cue(r"不在(通知|のお知らせ)",                                  "不在のお知らせ"),
    Cue(r"(please )?(confirm|verify) (your|this) (e-?mail|message|address)", "Please confirm your message"),
    Cue(r"sender (verification|confirmation)",                  "Sender verification"),
    Cue(r"your (e-?mail|message) requires (verification|confirmation)", "Your email requires verification"),
    Cue(r"challenge[ -]response",                               "Challenge-response"),
)
"""The subject of an automatic reply or a challenge."""
# fmt: on

TABLES = {
    "failed": FAILED,
    "delayed": DELAYED,
    "subject": SUBJECT,
    "copy": COPY,
    "quoted": QUOTED,
    "automatic": AUTOMATIC_SUBJECT,
}


def any_of(cues: tuple[Cue, ...], before: str = "") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(cue.words for cue in cues)})", re.IGNORECASE | re.MULTILINE)
