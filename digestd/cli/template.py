"""template: list, copy and compare the templates of mails and pages."""

import difflib
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd import resources
from digestd.cli.arguments import Json
from digestd.cli.output import emit, emit_line
from digestd.cli.stdio import say
from digestd.errors import BadSetting, NotFound

Name = Annotated[str, typer.Argument(metavar="NAME", help="The template, as in email/digest.lead.txt.j2.")]


def list_templates(
    own: Annotated[bool, typer.Option("--own", help="Only templates in your folder.")] = False,
    as_json: Json = False,
) -> None:
    """List the templates, and which of them are yours.

    States: built-in; current (your copy of the present one), outdated (the built-in one has changed since you copied
    it), unmarked (not made by `template copy`), unknown (there is no such template, so nothing uses it).

    Example: digestd template list --own
    """
    folders = wiring.connect().template_folders
    states = {name: state.value for name, state in resources.overrides(folders).items()}
    if not own:
        states = dict.fromkeys(resources.templates(), "built-in") | states
    emit([{"template": name, "state": state} for name, state in sorted(states.items())], as_json)


def copy_template(name: Name) -> None:
    """Copy a built-in template to change it.

    The copy goes to DIGESTD_TEMPLATES_DIR and replaces the built-in one from the next start on.

    Example: digestd template copy email/digest.lead.txt.j2
    """
    copy = resources.copy_template(name, _folder())
    say(f"copied to {copy}; `digestd preview EMAIL --serve` shows what your changes do")


def diff_template(name: Name, as_json: Json = False) -> None:
    """Compare your template with the built-in one.

    Example: digestd template diff email/digest.lead.txt.j2
    """
    own = resources.templates([_folder()]).get(name)
    built_in = resources.templates().get(name)
    if own is None or built_in is None or own == built_in:
        raise NotFound(f"there is no template {name[:80]!r} of yours; `digestd template list --own` shows them")
    lines = list(difflib.unified_diff(built_in.splitlines(), own.splitlines(), "built-in", "yours", lineterm=""))
    if as_json:
        emit({"template": name, "diff": lines}, as_json)
        return
    for line in lines:
        emit_line(line)


def _folder() -> Path:
    folders = wiring.connect().template_folders
    if not folders:
        raise BadSetting("DIGESTD_TEMPLATES_DIR: is empty; set it to a folder for your templates")
    folders[0].mkdir(parents=True, exist_ok=True)
    return folders[0]
