"""init: create or upgrade an installation."""

import typer

from digestd import app as wiring


def init() -> None:
    """Create the database and the secret key, or upgrade them.

    Safe to repeat.

    Example: digestd init
    """
    app = wiring.initialise()
    settings = app.settings
    typer.echo(f"database  {app.db.engine.url.render_as_string(hide_password=True)}")
    typer.echo(f"secret    {settings.secret_key_file} (keep a copy: links in mails depend on it)")
    typer.echo("ready     next: `digestd subscriber add you@example.org`, then `digestd up`")
