"""Settings as an operator sees them: config show, config check."""

import re
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd import settings as configuration
from digestd.cli.output import emit, say
from digestd.confinement.child import probe
from digestd.deliver import check_log_is_readable
from digestd.errors import BadInput
from digestd.links import GRACE
from digestd.secret import rotate
from digestd.sign import dns_record

app = typer.Typer(name="config", help="Look at the settings and check them.", no_args_is_help=True)
_SECRETS = frozenset(
    {"alert_url", "semantic_scholar_key", "ncbi_key", "github_token", "webhook_postmark_account", "webhook_mailgun_key"}
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("show")
def show(as_json: Json = False) -> None:
    """Show every setting in force; passwords are left out.

    Example: digestd config show
    """
    settings = configuration.load()
    values = {
        f"{configuration.PREFIX}{name.upper()}": "***" if value and name in _SECRETS else without_password(str(value))
        for name, value in settings.model_dump(mode="json").items()
    }
    emit(values, as_json)


@app.command("check")
def check() -> None:
    """Check the settings, the secret, the database, the relay's log and the sandbox; exits 2 or 1 with the remedy.

    Example: digestd config check
    """
    built = wiring.build()
    if built.relay_log is not None:
        check_log_is_readable(built.relay_log, built.clock())
    say(", ".join(f"mail goes to {route.name}" for route in built.routes))
    confinement = probe()
    say(f"parsers are confined by {', '.join(confinement.layers)}")
    for gap in confinement.gaps():
        say(f"warning: {gap}")
    say("settings, secret, database and templates are in order")


@app.command("dkim")
def dkim() -> None:
    """Print the record that publishes the DKIM key in DNS: its name, and its value in pieces of at most 255 letters.

    Example: digestd config dkim
    """
    built = wiring.build()
    if built.signer is None:
        raise BadInput("DIGESTD_DKIM_KEY_FILE is not set: the relay signs, so its record is needed")
    value = dns_record(Path(built.settings.dkim_key_file).read_bytes())
    pieces = " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
    typer.echo(f"{built.signer.dns_name}. TXT {pieces}")


@app.command("rotate-secret")
def rotate_secret(
    revoke_now: Annotated[
        bool, typer.Option("--revoke-now", help="End the grace period of every retired secret: use it after a theft.")
    ] = False,
) -> None:
    """Make a new secret key and retire the one in use.

    Links to unsubscribe and bounce addresses of retired secrets work for ever. Other links that were issued before
    the rotation work for 30 more days, or not at all with --revoke-now. Restart every digestd process afterwards; on
    several machines, copy the file and its folder first.

    Example: digestd config rotate-secret --revoke-now
    """
    settings = configuration.load()
    file = settings.secret_key_file
    keys = rotate(file, wiring.clock(settings.now)(), revoke=revoke_now)
    say(f"made a new {file}; {file}.retired holds {len(keys.retired)} retired: keep them all, with a backup")
    if revoke_now:
        say("earlier links work no more, except to unsubscribe")
    else:
        say(f"earlier links work for {GRACE.days} more days; if the key may be stolen, repeat with --revoke-now")
    say("restart every digestd process now: until then it uses the old secret")


def without_password(value: str) -> str:
    """URLs with their passwords replaced; anything else as it is."""
    return _PASSWORD.sub(r"\1:***@", value)


_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*?@(?=[^@\s]*(?:[\s,]|$))")
