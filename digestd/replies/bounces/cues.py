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
    Cue(r"(un|non[- ]?)deliver",                                "Undelivered mail"),
    Cue(r"following (address|recipient)",                       "The following recipients"),
    Cue(r"returned (mail|message)",                             "Returned mail"),
    Cue(r"could not be sent",                                   "Your mail could not be sent"),
    Cue(r"trouble delivering",                                  "We had trouble delivering this"),
    Cue(r"(delivery|mail|message)( \w+){0,5} (has |was )?(fail|reject|abort|refus)", "Your message to Ada was refused"),
    Cue(r"fail(ed|ure) (to deliver|permanently|recipient|reason)", "These addresses failed permanently"),
    Cue(r"delivery (fail|error|problem)",                       "A delivery problem"),
    Cue(r"error.{0,60}deliver",                                 "An error occurred while delivering"),
    Cue(r"permanent (fatal )?error",                            "It had permanent errors"),
    Cue(r"fatal error",                                         "A fatal error"),
    Cue(r"transcript of session",                               "Transcript of session follows"),
    Cue(r"action: ?failed",                                     "Action: failed"),
    Cue(r"envelope expired",                                    "Envelope expired"),
    Cue(r"your message to .{0,80}(reject|exceed|cannot)",       "Your message to ada@example.net cannot pass"),
    Cue(r"(<<<|>>>) ?5\d\d",                                    "<<< 550 no"),
    Cue(r": 5\d\d[ -]",                                         "mx.example.net: 554 no"),
    Cue(r"^5\d\d[ -]",                                          "550 no"),
    Cue(r"nicht (\w+ )?zugestellt|unzustellbar|fehler bei der zustellung", "Ihre Nachricht wurde nicht zugestellt"),
    Cue(r"non (è stato )?(remis|recapit|consegn)|pas pu (être )?(remis|distribu|livr)|échec de (la )?remise", "Il n'a pas pu être remis"),
    Cue(r"(no|não) (se )?(pudo|puede|pôde|foi) (ser )?entreg|error de entrega|falha na entrega|impossibile recapitare", "El mensaje no se pudo entregar"),
    Cue(r"niet (worden )?(bezorgd|afgeleverd)|nie można dostarczyć|(inte|ikke) (\w+ )?lever", "Het bericht kon niet worden bezorgd"),
    Cue(r"не (может быть|была?|удалось) достав|недостав",       "Письмо не может быть доставлено"),
    Cue(r"(无法|不能|未能|没有)(送达|投递)|投递失败|退信|退回",    "邮件无法送达"),
    Cue(r"(送信|配信|配送)(でき|不能)|반송|전달되지",              "送信できませんでした"),
)
"""The mail was not delivered, besides what the rules of bounces say."""
DELAYED = (
    Cue(r"warning message only",                                "This is a warning message only"),
    Cue(r"advisory-only",                                       "An advisory-only email"),
    Cue(r"(will|being) (be )?retr(ied|y)",                      "Delivery will be retried"),
    Cue(r"will (continue|keep|be attempted)",                   "We will keep trying"),
    Cue(r"continue to (try|be made)",                           "Attempts continue to be made"),
    Cue(r"delivery .{0,80}(has been |was )?(delayed|postponed)", "Delivery to ada@example.net was delayed"),
    Cue(r"action: ?delayed",                                    "Action: delayed"),
    Cue(r"is delayed for",                                      "Your mail is delayed for an hour"),
    Cue(r"not (yet )?been delivered yet",                       "It has not been delivered yet"),
    Cue(r"has not yet been delivered",                          "It has not yet been delivered"),
    Cue(r"do not need to (resend|retry)",                       "You do not need to resend it"),
)
"""The mail system still tries."""
SUBJECT = (
    Cue(r"(un|non[- ]?)deliver",                                "Undeliverable: papers"),
    Cue(r"(not|n't|never) (be )?deliver",                       "Could not be delivered: papers"),
    Cue(r"fail(ure|ed)\b",                                      "Delivery failure"),
    Cue(r"returned (mail|to sender)",                           "Returned mail: see transcript"),
    Cue(r"delivery (status|error|warning)",                             "Delivery Status Notification"),
    Cue(r"bounce",                                              "Bounced mail"),
    Cue(r"(non|échec de( la)?) remis|no se puede entregar|non recapit|unzustellbar|退信", "Message non remis"),
    Cue(r"mail system error",                                   "Mail system error"),
)
"""The subject of a bounce, unless it is that of a reply."""
COPY = (
    Cue(r"^[ >]*-{2,} *(below|original|returned|this is a copy|the header|unsent|enclosed)", "--- Below this line is a copy"),
    Cue(r"^-+ ?(original message|returned mail|start of)",      "- Original message"),
    Cue(r"^ *(below is a copy|message headers follow|your message reads)", "Message headers follow:"),
    Cue(r"^.{0,40}(original|truncated|returned) message follows|^[- ]*the header and top ", "Possibly truncated original message follows:"),
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
# fmt: on

TABLES = {
    "failed": FAILED,
    "delayed": DELAYED,
    "subject": SUBJECT,
    "copy": COPY,
    "quoted": QUOTED,
}


def any_of(cues: tuple[Cue, ...], before: str = "") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(cue.words for cue in cues)})", re.IGNORECASE | re.MULTILINE)
