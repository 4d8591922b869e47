"""Settings: unknown, invalid or dangerous values are refused by name."""

import os
import re
from pathlib import Path

import pytest

from digestd import settings_validation
from digestd.errors import BadSetting
from digestd.settings import PREFIX, Settings, load

EXAMPLE = Path(__file__).parents[1] / ".env.example"
LINE = re.compile(r"^#?(DIGESTD_[A-Z_]+)=(.*)$", re.MULTILINE)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_example_lists_every_setting_with_its_default() -> None:
    shown = dict(LINE.findall(EXAMPLE.read_text()))
    defaults = Settings().model_dump(mode="json")
    assert set(shown) == {PREFIX + name.upper() for name in defaults}
    for name, default in defaults.items():
        assert load({PREFIX + name.upper(): shown[PREFIX + name.upper()]}).model_dump(mode="json")[name] == default


def test_unknown_setting_is_refused_with_a_suggestion(nowhere: Path) -> None:
    with pytest.raises(BadSetting, match=r"DIGESTD_DATABSE_URL.*did you mean DIGESTD_DATABASE_URL"):
        load({"DIGESTD_DATABSE_URL": "x"}, nowhere)


def test_unknown_setting_is_likened_to_none_by_its_prefix(nowhere: Path) -> None:
    with pytest.raises(BadSetting, match=r"DIGESTD_OUTBOX: unknown setting; remove it; \.env\.example lists all"):
        load({"DIGESTD_OUTBOX": "x"}, nowhere)


def test_all_settings_that_are_gone_are_named_at_once(nowhere: Path) -> None:
    gone = {"DIGESTD_ORCID_URL_FILE": "x", "DIGESTD_LIBRARY_SYNC_HOURS": "24", "DIGESTD_SUBSCRIBER_CHATS": "none"}
    with pytest.raises(BadSetting) as refused:
        load({**gone, "DIGESTD_OUTBOX": "x"}, nowhere)
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == list(gone)
    assert all("no longer exists: " in line and "remove the line" in line for line in lines)


def test_unknown_setting_in_the_file_is_refused(nowhere: Path) -> None:
    nowhere.write_text("DIGESTD_COLOUR=red\nOTHER=1\n")
    with pytest.raises(BadSetting, match="DIGESTD_COLOUR"):
        load({}, nowhere)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'DIGESTD_LIST_NAME="Lakes\nDIGESTD_WEB_PORT=80\n', "line 1: not NAME=value, or a quote is not closed"),
        (b"OTHER=1\nDIGESTD_WEB_PORT\n", "line 2: not NAME=value"),
        (b"DIGESTD_LIST_NAME=\xff\xfe\n", "is not UTF-8; save it as UTF-8"),
    ],
)
def test_settings_file_with_an_invalid_line_is_refused(nowhere: Path, content: bytes, message: str) -> None:
    nowhere.write_bytes(content)
    with pytest.raises(BadSetting, match=re.escape(message)):
        load({}, nowhere)


def test_settings_file_may_have_a_byte_order_mark(nowhere: Path) -> None:
    nowhere.write_bytes("\ufeffDIGESTD_WEB_PORT=1000\r\nexport DIGESTD_LIST_NAME='Lakes'  # ours\r\nOTHER\r\n".encode())
    settings = load({}, nowhere)
    assert (settings.web_port, settings.list_name) == (1000, "Lakes")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_settings_file_of_another_owner_is_refused(nowhere: Path) -> None:
    nowhere.write_text("DIGESTD_WEB_PORT=1000\n")
    assert load({}, nowhere).web_port == 1000
    os.chown(nowhere, 12_345, 12_345)
    with pytest.raises(BadSetting, match=rf"{nowhere} belongs to 12345, .* `chown root {nowhere}`"):
        load({}, nowhere)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_settings_file_that_others_can_change_is_refused(nowhere: Path, mode: int) -> None:
    nowhere.write_text("DIGESTD_WEB_PORT=1000\n")
    nowhere.chmod(mode)
    with pytest.raises(BadSetting, match=rf"can be changed by others \(mode {mode:o}\): run `chmod go-w {nowhere}`"):
        load({}, nowhere)


def test_environment_overrides_the_file(nowhere: Path) -> None:
    nowhere.write_text("DIGESTD_WEB_PORT=1000\nDIGESTD_LIST_NAME=file\n")
    settings = load({"DIGESTD_WEB_PORT": "2000"}, nowhere)
    assert (settings.web_port, settings.list_name) == (2000, "file")


AS_WRITTEN = """
# a comment
DIGESTD_MAIL_FROM=Paper Digest <digest@example.org>
DIGESTD_DOMAIN_RATES=gmail.com=2 *=10
DIGESTD_POSTAL_ADDRESS="Lake House #5, 1 Shore; \\"Old\\" Town"
DIGESTD_LIST_NAME='Lake & Ice $HOME'   # and another
DIGESTD_DATABASE_URL=postgresql://a:b$c@/d?host=db1&host=db2&target_session_attrs=read-write
DIGESTD_SECRET_KEY_FILE=${DIGESTD_PLACE}/secret.key
OTHER=for a library
"""


def test_named_file_is_read_by_one_set_of_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a shell nor systemd reads it: what is written counts, for root's command and for the service."""
    (tmp_path / "digestd.env").write_text(AS_WRITTEN)
    (tmp_path / ".env").write_text("DIGESTD_LIST_NAME=not read\n")
    for name, value in {"ENV_FILE": str(tmp_path / "digestd.env"), "WEB_PORT": "1000"}.items():
        monkeypatch.setenv(PREFIX + name, value)
    monkeypatch.setenv("OTHER", "x")  # set back afterwards
    monkeypatch.delenv("OTHER")
    monkeypatch.chdir(tmp_path)
    found = load()
    assert found.mail_from == "Paper Digest <digest@example.org>"
    assert found.domain_rates == "gmail.com=2 *=10"
    assert found.postal_address == 'Lake House #5, 1 Shore; "Old" Town'
    assert found.list_name == "Lake & Ice $HOME"
    assert found.database_url == "postgresql://a:b$c@/d?host=db1&host=db2&target_session_attrs=read-write"
    assert found.web_port == 1000
    assert os.environ["OTHER"] == "for a library"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DIGESTD_MAIL_FROM\n", "line 1: not NAME=value"),
        ("; x\n\nA='\n", "line 1"),
        (None, "cannot read .* as .*run digestd as root, or `deploy/install` again"),
    ],
)
def test_named_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "digestd.env"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSetting, match=message):
        load({"DIGESTD_ENV_FILE": str(file)})


def test_environment_replaces_a_file_that_the_file_names(nowhere: Path) -> None:
    """Both ways: the pages' unit must not read the relay's password."""
    nowhere.write_text("DIGESTD_TRANSPORT_URL_FILE=/nowhere\nDIGESTD_INBOUND_URL=maildir:x\n")
    (nowhere.parent / "inbound").write_text("maildir:y\n")
    given = {"DIGESTD_TRANSPORT_URL": "maildir:z", "DIGESTD_INBOUND_URL_FILE": str(nowhere.parent / "inbound")}
    settings = load(given, nowhere)
    assert (settings.transport_url, settings.inbound_url) == ("maildir:z", "maildir:y")


def test_secret_setting_is_read_from_a_file(tmp_path: Path, nowhere: Path) -> None:
    (tmp_path / "relay").write_text("smtps://user:hush@relay.example.org\n")
    settings = load({"DIGESTD_TRANSPORT_URL_FILE": str(tmp_path / "relay")}, nowhere)
    assert settings.transport_url == "smtps://user:hush@relay.example.org"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(("name", "message"), [("nothing", "No such file or directory; "), ("binary", "is not UTF-8")])
def test_secret_file_that_cannot_be_read_is_reported_once(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(BadSetting) as refused:
        load({"DIGESTD_WEBHOOK_SECRET_FILE": str(tmp_path / name)})
    assert str(refused.value).startswith("DIGESTD_WEBHOOK_SECRET_FILE: ")
    assert message in str(refused.value)
    assert str(refused.value).count(name) == 1


def test_setting_given_as_value_and_file_is_refused(tmp_path: Path, nowhere: Path) -> None:
    (tmp_path / "relay").write_text("maildir:x")
    both = {"DIGESTD_TRANSPORT_URL_FILE": str(tmp_path / "relay"), "DIGESTD_TRANSPORT_URL": "maildir:y"}
    with pytest.raises(BadSetting, match="both set"):
        load(both, nowhere)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PUBLIC_URL", "http://digest.example.org", "https"),
        ("PUBLIC_URL", "digest.example.org", "must be a URL"),
        ("MAIL_FROM", "nobody", "address"),
        ("MAIL_FROM", "a@example.org\r\nBcc: b@example.org", "address"),
        ("WEB_PORT", "eighty", "must be a whole number"),
        ("SUBSCRIBER_CHATS", "public", "no longer exists: subscribers no longer set chat rooms; remove the line"),
        ("EXPLORE", "true", "no longer exists: digests have no random picks any more; remove the line"),
        ("LIBRARY_SYNC_HOURS", "24", "no longer exists: libraries are read once a day; remove the line"),
        ("WEB_PORT", "0", "must be at least"),
        ("CO_LIKES", "perhaps", "must be true or false"),
        ("ALERT_URL", "http://[::1", "must be a URL, as in https://chat"),
        ("ALERT_URL", "http://chat.example.org:99999/", "must be a URL, as in https://chat"),
        ("ALERT_URL", "http://chat.example.org/a b", "must be a URL, as in https://chat"),
        ("PUBLIC_URL", "https://digest.example.org/?a", "without ? and #"),
        ("ZOTERO_URL", "https://zotero.example.org:x", "must be a URL"),
        ("NOW", "2026-11-24T07:00:00", "UTC offset"),
        ("NOW", "yesterday", "write it like 2026-11-24T07:00:00Z"),
        ("LOG_FORMAT", "xml", "console"),
    ],
)
def test_invalid_value_is_refused_by_name(name: str, value: str, message: str, nowhere: Path) -> None:
    with pytest.raises(BadSetting) as refused:
        load({PREFIX + name: value}, nowhere)
    assert PREFIX + name in str(refused.value)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"transport_url": "smtp://relay.example.org:25"}, "unencrypted"),
        ({"transport_url": "ftp://relay"}, "'ftp' is not a transport"),
        ({"transport_url": "relay"}, "use one of maildir:"),
        ({"transport_url": "relay.example.org:25"}, "has no scheme; write smtp"),
        ({"transport_url": "smtps://relay:99999"}, "a port is a number up to 65535"),
        ({"transport_url": "smtps://user:[@relay"}, "of a password are written"),
        ({"transport_url": "smtp://127.0.0.1:25"}, "POSTAL_ADDRESS"),
        ({"transport_url": "smtp://127.0.0.1:25", "postal_address": "1 Example Street"}, "MAIL_FROM"),
        ({"complaint_address": "fbl@example.org"}, "DIGESTD_INBOUND_URL"),
        ({"complaint_address": "fbl@example.net", "inbound_url": "maildir:var/in"}, "mail comes from example.org"),
        ({"sources": "gopher:hole"}, "DIGESTD_SOURCES: source 'gopher:hole': unknown"),
        ({"sources": "arxiv:"}, "DIGESTD_SOURCES: source 'arxiv:': the categories are empty"),
    ],
)
def test_dangerous_setting_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(Exception, match=message):
        settings_validation.check_settings(Settings(**given))  # type: ignore[arg-type]  # pydantic converts the texts


def test_all_that_an_installation_lacks_is_named(nowhere: Path) -> None:
    """With the settings that deploy/install writes."""
    script = (Path(__file__).parents[1] / "deploy" / "install").read_text()
    lines = script.partition("<<'ENV'\n")[2].partition("\nENV\n")[0].splitlines()
    given = dict(line.split("=") for line in lines if not line.startswith("#"))
    with pytest.raises(BadSetting) as refused:
        settings_validation.check_settings(load(given | {PREFIX + "TRANSPORT_URL": "smtp://127.0.0.1:25"}, nowhere))
    said = str(refused.value).splitlines()
    assert [line.partition(":")[0].removeprefix(PREFIX) for line in said] == [
        "PUBLIC_URL",
        "MAIL_FROM",
        "POSTAL_ADDRESS",
    ]
    assert "set your From address" in said[1]
    with pytest.raises(BadSetting, match=r"WEB_PORT.*\n.*RUNNER|RUNNER.*\n.*WEB_PORT"):
        load({PREFIX + "WEB_PORT": "x", PREFIX + "RUNNER": "y"}, nowhere)


def test_plain_smtp_needs_explicit_permission() -> None:
    url = "smtp://relay.example.org:25?tls=none"
    settings_validation.check_settings(
        Settings(transport_url=url, postal_address="1 Example Street", mail_from="d@example.net")
    )
