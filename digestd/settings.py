"""Settings: `DIGESTD_…` in the environment and in one file, checked once at start.

The file is the one that DIGESTD_ENV_FILE names, else `.env`. python-dotenv reads it, and the environment wins.
`NAME_FILE` names a file that holds the value of NAME, for secrets that must not be in the environment. An unknown
setting is an error, so that a typing error does not leave a default in force.
"""

import difflib
import os
import re
import stat
from collections.abc import Mapping
from datetime import date
from email.utils import parseaddr
from io import StringIO
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from digestd.errors import BadSetting, plain_message
from digestd.files import user_name
from digestd.text.inputs import parse_datetime

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

RETENTION_MIN = 30
"""Days that deliveries and papers are kept at least."""
PREFIX = "DIGESTD_"
URL_MAX = 500
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_RETIRED = {
    "DIGESTD_LIBRARY_SYNC_HOURS": "libraries are read once a day; remove the line",
    "DIGESTD_SUBSCRIBER_CHATS": "subscribers no longer set chat rooms; remove the line. If its value was `any`, look "
    "through `digestd subscriber chat --list`",
    "DIGESTD_EXPLORE": "digests have no random picks any more; remove the line",
    "DIGESTD_ORCID_URL": "works at ORCID are no longer read; remove the line. Subscribers import the file that ORCID "
    "exports",
}
"""Settings that are gone, and what to do."""
ENV_FILE = "DIGESTD_ENV_FILE"
_NOT_SETTINGS = frozenset({ENV_FILE, "DIGESTD_TEST_DATA", "DIGESTD_TEST_LONG", "DIGESTD_DEBUG"})


def _url(url: str) -> str:
    if not url.strip():
        return ""
    parts = _url_parts(url, "https://digest.example.org")
    if parts.query or parts.fragment:
        raise ValueError("must be a URL without ? and #, as in https://digest.example.org")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError(
            "must start with https:// (one-click unsubscribe requires it); http:// works on localhost only"
        )
    return url.rstrip("/")


def _optional_url(url: str) -> str:
    if url:
        _url_parts(url, "https://chat.example.org/hooks/x")
    return url


def _url_parts(url: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not re.search(r"\s", url):
            return parts
    except ValueError:  # an invalid port, or half an IPv6 address
        pass
    raise ValueError(f"must be a URL, as in {example}")


def _urls(text: str) -> str:
    for url in text.split():
        _optional_url(url)
        if len(url) > URL_MAX:
            raise ValueError(f"contains a URL of more than {URL_MAX} characters")
    return text


def _provider_url(url: str) -> str:
    parts = urlsplit(_url(url))
    if not parts.hostname or (parts.hostname not in LOOPBACK and parts.port is not None):
        raise ValueError("must be a URL without a port: readers' keys are sent to no other")
    return url.rstrip("/")


def _mailbox(text: str) -> str:
    address = parseaddr(text)[1]
    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError("must be an address, as in digest@example.org or Paper Digest <digest@example.org>") from error
    if not address.isascii() or "\n" in text or "\r" in text:
        raise ValueError("must be an ASCII address; write the domain as xn--…")
    return text


def _optional_mailbox(text: str) -> str:
    return _mailbox(text) if text else text


def _command_mailbox(text: str) -> str:
    local = parseaddr(_optional_mailbox(text))[1].rpartition("@")[0]
    if text and not re.fullmatch(r"[a-z0-9._-]{1,15}", local):
        raise ValueError("may have at most 15 lower-case letters, digits, dots and dashes before the @")
    return text


def _datetime(text: str) -> str:
    if text and parse_datetime(text).tzinfo is None:
        raise ValueError("needs a UTC offset, as in 2026-11-24T07:00:00Z")
    return text


def _dates(text: str) -> str:
    for day in text.replace(",", " ").split():
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise ValueError(f"invalid date {day[:20]!r}; write 2027-01-01, 2027-01-18") from error
    return text


def rates(text: str) -> dict[str, float]:
    """Return mails per second by recipient domain, `*` for all others.

    For example `gmail.com=2 *=10`.

    Raises:
        ValueError: the text has another form.
    """
    found = {}
    for word in text.replace(",", " ").split():
        domain, _, rate = word.lower().partition("=")
        if not re.fullmatch(r"\*|[a-z0-9.-]+", domain) or not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", rate):
            raise ValueError(f"invalid rate {word[:60]!r}; write DOMAIN=MAILS_PER_SECOND, as in gmail.com=2 *=10")
        found[domain] = float(rate)
    return found


def _authserv(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,253}", text):
        raise ValueError(
            "must be the name that your mail server writes to Authentication-Results, as in mx.example.org"
        )
    return text


def _networks(text: str) -> str:
    for word in text.replace(",", " ").split():
        try:
            ip_network(word)
        except ValueError as error:
            raise ValueError(
                f"invalid address or network {word[:60]!r}; write 127.0.0.1, 2001:db8::1 or 172.18.0.0/16"
            ) from error
    return text


def _rates(text: str) -> str:
    rates(text)
    return text


def _retention(days: int) -> int:
    if days != 0 and days < RETENTION_MIN:
        raise ValueError(f"must be at least {RETENTION_MIN} days, as late answers and links need them; 0 keeps all")
    return days


class Settings(BaseSettings):
    """The settings. `.env.example` explains each; a test compares the two."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = "sqlite:///var/digestd.db"
    runner: Literal["inline", "procrastinate"] = "inline"
    transport_url: str = Field(default="maildir:var/outbox", repr=False)
    transport_rate: float = Field(default=0, ge=0)
    domain_rates: Annotated[str, AfterValidator(_rates)] = ""
    processes: int = Field(default=0, ge=0, le=256)
    transport_connections: int = Field(default=100, ge=1, le=1_000)
    alert_url: Annotated[str, AfterValidator(_optional_url)] = Field(default="", repr=False)
    alert_mail: Annotated[str, AfterValidator(_optional_mailbox)] = ""
    alert_transport_url: str = Field(default="", repr=False)
    ping_url: Annotated[str, AfterValidator(_optional_url)] = Field(default="", repr=False)
    sentry_dsn: Annotated[str, AfterValidator(_optional_url)] = Field(default="", repr=False)
    webhook_urls: Annotated[str, AfterValidator(_urls)] = Field(default="", repr=False)
    webhook_secret: str = Field(default="", repr=False)
    public_url: Annotated[str, AfterValidator(_url)] = "http://127.0.0.1:8080"
    list_name: str = Field(default="digestd", min_length=1, max_length=60)
    mail_from: Annotated[str, AfterValidator(_mailbox)] = "digestd <digest@example.org>"
    reply_to: Annotated[str, AfterValidator(_optional_mailbox)] = ""
    bounce_address: Annotated[str, AfterValidator(_optional_mailbox)] = ""
    complaint_address: Annotated[str, AfterValidator(_optional_mailbox)] = ""
    command_address: Annotated[str, AfterValidator(_command_mailbox)] = ""
    trusted_authserv_id: Annotated[str, AfterValidator(_authserv)] = ""
    inbound_url: str = Field(default="", repr=False)
    inbound_quarantine: str = "var/quarantine"
    inbound_ses_topic: str = ""
    inbound_sendgrid_key: str = ""
    inbound_postmark_account: str = Field(default="", repr=False)
    inbound_mailgun_key: str = Field(default="", repr=False)
    postal_address: str = ""
    journal_dir: str = ""
    relay_log: str = ""
    on_uncertain: Literal["hold", "resend"] = "hold"
    dkim_domain: str = ""
    dkim_selector: str = ""
    dkim_key_file: str = ""
    secret_key_file: Path = Path("var/secret.key")
    sources: str = ""
    arxiv_holidays: Annotated[str, AfterValidator(_dates)] = ""
    semantic_scholar_key: str = Field(default="", repr=False)
    openalex_key: str = Field(default="", repr=False)
    ncbi_key: str = Field(default="", repr=False)
    github_token: str = Field(default="", repr=False)
    zotero_url: Annotated[str, AfterValidator(_provider_url)] = "https://api.zotero.org"
    keep_deliveries: Annotated[int, AfterValidator(_retention)] = 120
    keep_papers: Annotated[int, AfterValidator(_retention)] = 365
    paper_lookup: bool = True
    contact: Annotated[str, AfterValidator(_optional_mailbox)] = ""
    ingest_interval_minutes: int = Field(default=60, ge=5, le=1440)
    embedding_model: str = ""
    llm_url: Annotated[str, AfterValidator(_optional_url)] = ""
    llm_model: str = Field(default="", max_length=200)
    llm_key: str = Field(default="", repr=False)
    llm_papers: int = Field(default=300, ge=0, le=100_000)
    llm_translate: bool = False
    llm_judge: bool = False
    llm_judgments: int = Field(default=5_000, ge=1, le=30_000)
    co_likes: bool = True
    everybody_reads: bool = True
    templates_dir: str = ""
    theme_accent: str = "#9a3f1d"
    theme_logo_file: str = ""
    theme_intro: str = Field(default="", max_length=300)
    theme_footer: str = Field(default="", max_length=300)
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=1, le=65535)
    public_papers: bool = True
    archive_search: bool = False
    metrics_public: bool = False
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    now: Annotated[str, AfterValidator(_datetime)] = ""

    @property
    def proxies(self) -> tuple[str, ...]:
        """Return the addresses and networks of proxies whose X-Forwarded-For is trusted."""
        return tuple(self.trusted_proxies.replace(",", " ").split())

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # called by keyword; four of the five are not used
        cls, _settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_others: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values that `load` passes.

        It has read the environment and `.env` itself.
        """
        return (init_settings,)


def load(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """Read the settings.

    Args:
        environment: the variables to read; by default those of the process.
        dotenv: a file of more variables, if DIGESTD_ENV_FILE names none; the environment wins.

    Raises:
        BadSetting: a setting is unknown, or a file cannot be read. All that no longer exist or are invalid are named.
    """
    set_here = os.environ if environment is None else environment
    given = _filled_in({**_from_file(set_here, dotenv), **set_here})
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    values: dict[str, str] = {}
    if gone := [f"{name}: no longer exists: {_RETIRED[real]}" for name in given if (real := _named(name)) in _RETIRED]:
        raise BadSetting("\n".join(gone))
    for name, value in given.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        if name in names:
            values[_field(name)] = value
        elif (real := _named(name)) in names:
            if real in given:
                raise BadSetting(f"{real} and {name} are both set; remove one of them")
            values[_field(real)] = _text(Path(value), name).strip()
        else:
            raise BadSetting(f"{name}: unknown setting{_hint(name, names)}")
    try:
        return Settings(**values)  # type: ignore[arg-type]  # pydantic turns the texts into the fields' types
    except ValidationError as error:
        raise BadSetting("\n".join(_describe(one) for one in error.errors())) from error


def location() -> dict[str, str]:
    """Return the environment variable that names the file of settings in use from any folder, if there is one."""
    file = Path(os.environ.get(ENV_FILE) or ".env")
    return {ENV_FILE: str(file.absolute())} if file.is_file() else {}


def _filled_in(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without an empty From address, which is named with all else that mail to others needs."""
    return {name: value for name, value in given.items() if value.strip() or name != f"{PREFIX}MAIL_FROM"}


def _from_file(environment: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """Return what the file sets and the environment does not, neither as NAME nor as NAME_FILE.

    From a file that DIGESTD_ENV_FILE names, libraries get their variables as well, such as SSL_CERT_FILE.
    """
    if named := environment.get(ENV_FILE):
        found = _from_dotenv(Path(named), ENV_FILE)
        for name in found if environment is os.environ else ():
            if not name.startswith(PREFIX):
                os.environ.setdefault(name, found[name])
    else:
        found = _from_dotenv(dotenv) if dotenv.is_file() else {}
    return {
        name: value
        for name, value in found.items()
        if _named(name) not in environment and f"{name}_FILE" not in environment
    }


def _from_dotenv(file: Path, named_by: str = "") -> dict[str, str]:
    text = _text(file, named_by)
    _check_owner(file)
    for line in parse_stream(StringIO(text)):
        if line.error or (line.value is None and (line.key or "").startswith(PREFIX)):
            raise BadSetting(f"{file}, line {line.original.line}: not NAME=value, or a quote is not closed; correct it")
    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


def _check_owner(file: Path) -> None:
    """Refuse a file that somebody else can change: its settings decide what this process runs and reads."""
    found, me = file.stat(), os.geteuid()
    if found.st_uid not in {me, 0}:
        raise BadSetting(
            f"{file.absolute()} belongs to {user_name(found.st_uid)}, neither to you ({user_name(me)}) nor to root: "
            f"run digestd as {user_name(found.st_uid)}, or `chown {user_name(me)} {file.absolute()}` if you trust it"
        )
    if (mode := stat.S_IMODE(found.st_mode)) & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadSetting(
            f"{file.absolute()} can be changed by others (mode {mode:o}): run `chmod go-w {file.absolute()}`"
        )


def _named(name: str) -> str:
    """Return the setting that a variable names: itself, or with `_FILE` the one whose value is in a file."""
    return name.removesuffix("_FILE")


def _field(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def _text(file: Path, named_by: str = "") -> str:
    setting = f"{named_by}: " if named_by else ""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSetting(f"{setting}{file} is not UTF-8; save it as UTF-8") from error
    except OSError as error:
        remedy = "make it readable"
        if named_by == ENV_FILE:
            remedy = "run digestd as root, or `deploy/install` again if this is the service's user"
        me = user_name(os.geteuid())
        raise BadSetting(
            f"{setting}cannot read {file} as {me}: {error.strerror}; {remedy}, or name another file"
        ) from error


def _hint(name: str, names: set[str]) -> str:
    near = difflib.get_close_matches(_field(name), map(_field, names), n=1)  # all have the prefix in common
    return f"; did you mean {PREFIX}{near[0].upper()}?" if near else "; remove it; .env.example lists all settings"


def _describe(error: "ErrorDetails") -> str:
    name = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
    if error["input"] == "":
        return f"{name}: is empty; remove it to use the default, or set a value"
    return f"{name}: {plain_message(error['msg'])}"
