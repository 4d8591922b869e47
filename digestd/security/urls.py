"""The URLs of pages."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote


@dataclass(frozen=True)
class Urls:
    """The URLs of pages below the public URL. Tokens need no escaping."""

    public_url: str

    @property
    def is_reachable(self) -> bool:
        """Return True if the installation has pages. Without a public URL it works by mail alone."""
        return bool(self.public_url)

    @cached_property
    def home(self) -> str:
        """Return the front page with the sign-up form; empty if there are no pages."""
        return f"{self.public_url.rstrip('/')}/" if self.is_reachable else ""

    @property
    def subscribe(self) -> str:
        return self.home

    @property
    def manage(self) -> str:
        """Return the page that mails a new settings link to its owner. It is the same for everybody."""
        return f"{self.home}settings" if self.is_reachable else ""

    def confirm(self, token: str) -> str:
        return f"{self.home}confirm/{token}"

    def unsubscribe(self, token: str) -> str:
        """Return the page for unsubscribing. A one-click POST (RFC 8058) to it acts at once."""
        return f"{self.home}u/{token}"

    def preferences(self, token: str) -> str:
        return f"{self.home}p/{token}"

    def erase(self, token: str) -> str:
        """Return the page for erasing a subscriber; only mailed to their address."""
        return f"{self.home}erase/{token}"

    def renew(self, token: str) -> str:
        """Return the page for invalidating earlier links; only mailed to their address."""
        return f"{self.home}renew/{token}"

    def move(self, token: str) -> str:
        return f"{self.home}move/{token}"

    def paper(self, name: str) -> str:
        """Return the public page of a paper, if the installation has such pages (DIGESTD_PUBLIC_PAPERS)."""
        return f"{self.home}paper/{quote(name, safe=':/')}" if self.is_reachable else ""

    def view(self, token: str) -> str:
        return f"{self.home}d/{token}"

    def feedback(self, token: str) -> str:
        """Return the page for feedback on one pick; `/more` below it says more like this."""
        return f"{self.home}f/{token}"

    def mute(self, token: str) -> str:
        """Return the page for muting, below a settings link. `/2026-11-24/3` is the third pick of that digest."""
        return f"{self.preferences(token)}/mute"

    def saved(self, token: str) -> str:
        """Return the page of a subscriber's saved papers; files and feeds are below it."""
        return f"{self.home}s/{token}"
