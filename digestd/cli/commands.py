"""Which commands there are, and where each is: a command's file is imported when the command is asked for.

The whole of digestd takes two seconds and 160 MiB to import, and no command needs it all.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group

from digestd.cli.process import imported


class Place(NamedTuple):
    """A command's file here, its name in there, and the panel of the help that it is in; none for a hidden one."""

    file: str
    name: str
    panel: str = ""


_SERVICE, _ROAD, _DATA, _CARE = "The service", "The road, by hand", "What it works with", "Looking after it"
COMMANDS = {
    "init": Place("service", "init", _SERVICE),
    "up": Place("service", "up", _SERVICE),
    "web": Place("service", "web", _SERVICE),
    "scheduler": Place("service", "scheduler", _SERVICE),
    "worker": Place("service", "worker", _SERVICE),
    "run": Place("service", "run_once", _SERVICE),
    "try": Place("try_out", "try_out"),
    "ingest": Place("ingest", "ingest", _ROAD),
    "plan": Place("plan", "plan_due", _ROAD),
    "deliver": Place("deliver", "deliver_ready", _ROAD),
    "inbound": Place("inbound", "inbound", _ROAD),
    "preview": Place("digest", "show_preview", _ROAD),
    "explain": Place("digest", "show_explanation", _ROAD),
    "replay": Place("digest", "show_again", _ROAD),
    "subscriber": Place("subscriber", "app", _DATA),
    "paper": Place("paper", "app", _DATA),
    "source": Place("source", "app", _DATA),
    "coverage": Place("coverage", "show_coverage", _DATA),
    "delivery": Place("delivery", "app", _CARE),
    "fsck": Place("delivery", "fsck", _CARE),
    "adopt": Place("restore", "adopt_database", _CARE),
    "evaluate": Place("evaluate", "evaluate", _CARE),
    "hook": Place("webhook", "app", _CARE),
    "api-token": Place("api_token", "app", _CARE),
    "trial": Place("trial", "app", _CARE),
    "bench": Place("bench", "app", _CARE),
    "config": Place("config", "app", _CARE),
}


class Commands(TyperGroup):
    """Commands by name, in the order of the help."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # as TyperGroup has it
        """See TyperGroup."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """See TyperGroup: for a name that is none, those like it are suggested out of all."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _loaded(name)
        imported()
        return super().get_command(ctx, cmd_name)


def _loaded(name: str) -> Any:
    place = COMMANDS[name]
    found = getattr(import_module(f"digestd.cli.{place.file}"), place.name)
    alone = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, rich_help_panel=place.panel)
    else:
        alone.command(name, rich_help_panel=place.panel or None, hidden=not place.panel)(found)
    return get_group(alone).commands[name]
