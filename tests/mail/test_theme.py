"""Test the operator's look: colours, logo and lines in mails and pages."""

import email
import email.policy
import struct
import zlib
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from digestd import resources
from digestd.cli.digest import find_preview
from digestd.errors import BadSetting
from digestd.mail.templates import Templates
from digestd.mail.theme import (
    ACCENT,
    DARK_ACCENT,
    DARK_SHEET,
    LOGO_BYTES,
    SHEET,
    Theme,
    check_accent,
    contrast,
    read_logo,
)
from tests.digests.topic_papers import reader, shelf
from tests.support.install import install

FILES = resources.templates()
READER = "reader@example.net"


def png(width: int = 80, height: int = 40, padding: int = 0) -> bytes:
    """Return a grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"tEXt", b"a\0" + b"x" * padding), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def test_theme_is_in_mails_and_their_web_views(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    installed = install(tmp_path, sqlite_url, now).to(
        f"maildir:{tmp_path}/outbox",
        theme_accent="#0b5394",
        theme_logo_file=str(tmp_path / "logo.png"),
        theme_intro="From the <Lakes> group.",
        theme_footer="Room 12, tea at four.",
    )
    installed.papers(shelf("more", 3))
    installed.people([reader()])
    composer, claim = find_preview(installed.app, READER, None)
    assert not composer.lint(claim)
    mail = email.message_from_bytes(composer.compose(claim).message, policy=email.policy.default)
    _has_colours_and_lines(mail)
    _has_logo(mail)
    page = composer.render_page(claim)
    assert "cid:logo" not in page
    assert f'"{installed.app.urls.home}static/logo.png"' in page
    again = Templates.of(FILES, installed.app.theme)
    assert again.hash == installed.app.templates.hash != Templates.of(FILES).hash


def _has_colours_and_lines(mail: EmailMessage) -> None:
    html, text = (mail.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    page = html.get_content()
    assert ACCENT not in page
    assert "#0b5394" in page
    assert DARK_ACCENT not in page
    assert "From the &lt;Lakes&gt; group." in page
    assert "From the <Lakes> group." in text.get_content()
    for part in (page, text.get_content()):
        assert "Room 12, tea at four." in part


def _has_logo(mail: EmailMessage) -> None:
    assert mail.get_content_type() == "multipart/alternative"
    _, related = mail.iter_parts()
    assert related.get_content_type() == "multipart/related"
    html, logo = related.iter_parts()
    assert '"cid:logo"' in html.get_content()
    assert (logo["Content-ID"], logo.get_content()) == ("<logo>", png())
    assert not mail.defects
    assert not related.defects


def test_default_theme_changes_nothing() -> None:
    assert Templates.of(FILES).theme == Theme()
    for sheet in ("email/style.css", "web/style.css"):
        assert Theme().recolour(FILES[sheet]) == FILES[sheet]


@pytest.mark.parametrize("accent", ["#9a3f1d", "#0b5394", "#000000", "#7a003c", "#4b0082"])
def test_accent_can_be_read_in_light_and_dark(accent: str) -> None:
    themed = Theme(check_accent(accent)).recolour(f"{ACCENT} {DARK_ACCENT}")
    light, dark = themed.split()
    assert contrast(light, SHEET) >= 4.5
    assert contrast(dark, DARK_SHEET) >= 4.5


@pytest.mark.parametrize("accent", ["#ffff00", "#cccccc", "#ff8800"])
def test_pale_accent_is_refused(accent: str) -> None:
    with pytest.raises(BadSetting, match=r"DIGESTD_THEME_ACCENT: .* choose a darker colour"):
        check_accent(accent)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<svg/>", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a PNG"),
        (png(padding=LOGO_BYTES), "more than 20 kB"),
        (png(width=2_000, height=1), "2000 × 1 pixels"),
    ],
)
def test_unfit_logo_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "logo.png").write_bytes(data)
    with pytest.raises(BadSetting, match=f"DIGESTD_THEME_LOGO_FILE: .*{why}"):
        read_logo(str(tmp_path / "logo.png"))


def test_missing_logo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="DIGESTD_THEME_LOGO_FILE: cannot read"):
        read_logo(str(tmp_path / "none.png"))
