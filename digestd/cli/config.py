"""config: show and check the settings, publish the DKIM key, rotate the secret key."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from digestd import files
from digestd import settings as configuration
from digestd.cli.arguments import Json
from digestd.cli.output import emit
from digestd.cli.stdio import say
from digestd.errors import BadInput, NeedsInit

if TYPE_CHECKING:
    from digestd.app import App

_SECRETS = frozenset(
    {
        "alert_url",
        "alert_transport_url",
        "ping_url",
        "sentry_dsn",
        "webhook_secret",
        "semantic_scholar_key",
        "openalex_key",
        "ncbi_key",
        "llm_key",
        "github_token",
        "inbound_postmark_account",
        "inbound_mailgun_key",
    }
)


def show_settings(as_json: Json = False) -> None:
    """Show every setting, without passwords.

    Example: digestd config show
    """
    settings = configuration.load()
    values = {
        f"{configuration.PREFIX}{name.upper()}": "***" if value and name in _SECRETS else without_password(str(value))
        for name, value in settings.model_dump(mode="json").items()
    }
    emit(values, as_json)


def without_password(value: str) -> str:
    return _PASSWORD.sub(r"\1:***@", value)


_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*?@(?=[^@\s]*(?:[\s,]|$))")


def check() -> None:
    """Check settings, secret key, database, templates and sandbox, without the network.

    Exits 1 or 2 if something is wrong, and says what to do. Root checks as the user whom the data belongs to, since
    the service must be able to read everything. `digestd doctor` also tries relays, DNS and pages.

    Example: digestd config check
    """
    from digestd import app as wiring
    from digestd.delivery.preflight import require_templates
    from digestd.operations.local_probes import check_overrides
    from digestd.ranking.encoders import describe_encoder
    from digestd.security.parser_process import probe

    settings = configuration.load()
    files.become_owner(wiring.data_folder(settings), configuration.location())
    checked = "settings, secret key, database and templates"
    try:
        built = wiring.build(settings)
    except NeedsInit as missing:
        built = wiring.build_without_database(settings)
        checked = "settings and templates"
        say(f"{missing}, or start the service, which does it too")
    built.check_relay_log()
    require_templates(built.sender, built.templates)
    say(f"mail will go to {', '.join(route.name for route in built.routes)} (not tried)")
    _ = built.encoder
    say(describe_encoder(built.settings.embedding_model))
    for line in describe_language_model(built):
        say(line)
    for finding in check_overrides(built):
        say(f"warning: {finding.message}; {finding.remedy}")
    confinement = probe()
    say(f"parsers run confined by {', '.join(confinement.layers)}")
    for gap in confinement.gaps:
        say(f"warning: {gap}")
    say(f"{checked} are valid; `digestd doctor` tries relay, DNS, web and clock")


def describe_language_model(app: "App") -> Iterator[str]:
    """Yield what is sent to a language model, and where."""
    host = urlsplit(app.settings.llm_url).hostname
    if not host:
        return
    if app.settings.llm_papers:
        yield f"new papers are sent to the language model at {host} for summaries: titles and abstracts"
    if app.judge_host:
        yield (
            f"subscribers' topics are sent to the language model at {host}, with titles and abstracts of up to "
            f"{app.settings.llm_judgments} papers a day, but never addresses, names or who asked; the pages say so"
        )
    else:
        yield "nothing about subscribers is sent to it (DIGESTD_LLM_JUDGE is off)"


def show_dkim(as_json: Json = False) -> None:
    """Print the DNS record of the DKIM key.

    Its value is printed in strings of at most 255 characters (RFC 1035 section 3.3).

    Example: digestd config dkim
    """
    from digestd import app as wiring

    built = wiring.build()
    record = built.dkim_record()
    if record is None:
        raise BadInput("DIGESTD_DKIM_KEY_FILE is not set; if the relay signs, publish the record of its key")
    name, value = record
    if as_json:
        emit({"name": name, "type": "TXT", "value": value}, as_json)
        return
    pieces = " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
    typer.echo(f"{name}. TXT {pieces}")
    say("publish this record, restart digestd so that it signs, and check both with `digestd doctor`")


def rotate_secret(
    revoke_now: Annotated[
        bool, typer.Option("--revoke-now", help="End the grace period of all retired keys, as after a theft.")
    ] = False,
) -> None:
    """Create a new secret key and retire the current one.

    Unsubscribe links and bounce addresses of retired keys work forever. Other links that were issued before the
    rotation work for 30 more days, or not at all with --revoke-now. Restart every digestd process afterwards; on
    several machines, copy the file and its folder first.

    Example: digestd config rotate-secret --revoke-now
    """
    from digestd import app as wiring
    from digestd.operations.service_status import counted
    from digestd.security.keys import GRACE
    from digestd.security.secret_key import rotate

    settings = configuration.load()
    file = settings.secret_key_file
    keys = rotate(file, wiring.clock(settings.now)(), revoke=revoke_now)
    say(f"created a new {file}; {file}.retired has {counted(len(keys.retired), 'retired key')}: back up both")
    if revoke_now:
        say("earlier links no longer work, except to unsubscribe")
    else:
        say(f"earlier links work for {GRACE.days} more days; if the key was stolen, repeat with --revoke-now")
    say("restart every digestd process now, as with `systemctl restart digestd`: until then it uses the old key")
