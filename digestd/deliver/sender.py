"""The sender's identity: addresses, keys, and where the links of a mail lead."""

from dataclasses import dataclass
from datetime import UTC, datetime

from digestd.domain.mail import stand_in
from digestd.links import Keys, Purpose, Urls, command_address, envelope_tag, token
from digestd.message import Mailbox
from digestd.render import DigestLinks
from digestd.sign import Signer

OF_PAPERS = 3
"""Index of the first paper's placeholder in a digest, after those of view, unsubscribe and settings."""
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender, as configured.

    Attributes:
        keys: Keys of tokens and return paths.
        urls: Builds the links of pages.
        from_: The From address and name.
        reply_to: The Reply-To address, or empty.
        bounce: The mailbox of return paths.
        list_name: The name in List-Id.
        postal_address: The postal address shown in every mail.
        signer: Signs with DKIM, if configured.
        commands: Address for commands by mail, or empty.
        replies: Whether replies to a digest are read as commands.
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
        """Return the domain of Message-IDs and of List-Id."""
        return self.from_.address.rpartition("@")[2]

    def command(self, purpose: Purpose, number: int, at: datetime, version: int = 0) -> str:
        """Return the address that acts like a link with such a token, or "" if commands are off."""
        local, _, host = self.commands.rpartition("@")
        return command_address(local, token(self.keys, purpose, number, at, version), host) if self.commands else ""

    def digest_links(self) -> DigestLinks:
        """Return the links of a digest with placeholders for its tokens.

        With a public URL the placeholders are, in order, those of view, unsubscribe, settings and each paper. Without
        one, links open a mail, and the placeholders are the tags of the unsubscribe and command addresses.
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
    """Return a command address with a placeholder for its tag, or "" if there is none."""
    tag = envelope_tag(address)
    return address.replace(tag, stand_in(n, len(tag))) if tag else ""
