"""Read the digests that every program mails, and render them by plain Jinja2 templates.

`digests.json` holds `papers` (title, authors, summary, url, pdf, category) and `digests`, one for each reader (address,
name, token, picks); a pick has the `paper`'s index, a reason and a token.
"""

import json
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

SENDER = "digest@example.org"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=lambda name: name == "digest.html.j2"
)
_HTML, _TEXT = (_ENVIRONMENT.get_template(f"digest.{kind}.j2") for kind in ("html", "txt"))


def read_digests(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return the first `count` digests, each pick with its paper."""
    found = json.loads((folder / "digests.json").read_text())
    return [
        {**digest, "picks": [{**pick, "paper": found["papers"][pick["paper"]]} for pick in digest["picks"]]}
        for digest in found["digests"][:count]
    ]


def render(digest: dict[str, Any]) -> tuple[str, str]:
    """Return the HTML and the text of a digest."""
    return _HTML.render(digest), _TEXT.render(digest)


def headers(digest: dict[str, Any]) -> dict[str, str]:
    """Return the header fields of a digest."""
    return {
        "From": f"Invented Digest <{SENDER}>",
        "To": digest["address"],
        "Subject": f"{digest['picks'][0]['paper']['title'][:50]}… + {len(digest['picks']) - 1} more",
        "Date": formatdate(),
        "Message-ID": make_msgid(domain="example.org"),
        "List-Unsubscribe": f"<https://example.org/u/{digest['token']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
