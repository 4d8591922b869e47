"""Who sends the mails, and under what name."""

from dataclasses import dataclass
from datetime import UTC, datetime

from digestd.domain.mail import stand_in
from digestd.links import Keys, Purpose, Urls, command_address, envelope_tag, token
from digestd.message import Mailbox
from digestd.render import DigestLinks
from digestd.sign import Signer

OF_PAPERS = 3
"""The number of the first paper's stand-in in a digest: those of view, unsubscribe and settings come before."""
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and under what name: from the settings.

    `commands`: where subscribers write commands, empty where they cannot; `replies`: answers to a digest are some.
    """

    keys: Keys
    urls: Urls
    from_: Mailbox
    reply_to: str
    bounce: str
    list_name: str
    postal_address: str
    signer: Signer | None = None
    commands: str = ""
    replies: bool = False

    @property
    def host(self) -> str:
        """The domain of Message-IDs and of List-Id."""
        return self.from_.address.rpartition("@")[2]

    def command(self, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
        """Where a mail does what a link with such a token does; empty where commands are off."""
        local, _, host = self.commands.rpartition("@")
        return command_address(local, token(self.keys, purpose, number, at, version), host) if self.commands else ""

    def digest_links(self) -> DigestLinks:
        """Where the links of a digest lead: those of every mail, with stand-ins for its tokens.

        With a web address these are of view, unsubscribe, settings and then of each paper, in this order. Without one
        a link opens a mail, and they are the tags of where one leaves and where commands go.
        """
        urls = self.urls
        if urls.are_public:
            length = len(token(self.keys, Purpose.VIEW, 0, _EPOCH))
            view, unsubscribe, settings, pick = (stand_in(n, length) for n in range(OF_PAPERS + 1))
            return DigestLinks(
                view=urls.view(view),
                unsubscribe=urls.unsubscribe(unsubscribe),
                home=urls.home,
                feedback=urls.feedback(pick),
                mute=urls.mute(settings),
                settings=urls.preferences(settings),
                replies=self.replies,
                of_papers=OF_PAPERS,
            )
        leave, mail = (self.command(purpose, 0, _EPOCH) for purpose in (Purpose.UNSUBSCRIBE, Purpose.COMMAND))
        return DigestLinks("", f"mailto:{_any(0, leave)}", "", mail=_any(1, mail), replies=self.replies)


def _any(n: int, address: str) -> str:
    """The address of a command with a stand-in for its tag; nothing where there is none."""
    tag = envelope_tag(address)
    return address.replace(tag, stand_in(n, len(tag))) if tag else ""
