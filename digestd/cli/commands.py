"""The command table: every command, its function, and its line in the help.

A command's module is imported when the command runs or shows its own help. Help of groups, completion of names and
suggestions after a typing error read this table only. A test compares each summary with the function's docstring.
"""

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command.

    It is `MODULE:FUNCTION` in this package, and the first line of the function's docstring.
    """

    target: str
    summary: str
    panel: str = ""
    """The section of the help of the top level."""
    logs: bool = True
    """False for commands that log nothing, which start faster without the logging library."""
    is_hidden: bool = False
    is_service: bool = False
    """True for commands that run until they are stopped, and have no `--json`."""


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A noun and its commands."""

    summary: str
    commands: Mapping[str, "CommandEntry | GroupEntry"] = field(hash=False)
    panel: str = ""


_SERVICE, _PIPELINE, _DATA, _OPERATIONS = "Service", "Pipeline, step by step", "Data", "Operations"

SUBSCRIBER: Mapping[str, CommandEntry | GroupEntry] = {
    "add": CommandEntry("subscriber:add_subscriber", "Add a subscriber, or update a known one.", logs=False),
    "list": CommandEntry("subscriber:list_subscribers", "List subscribers in the order they joined.", logs=False),
    "show": CommandEntry("subscriber:show_subscriber", "Show one subscriber.", logs=False),
    "edit": CommandEntry("subscriber:edit_subscriber", "Change settings and interests of a subscriber.", logs=False),
    "import": CommandEntry("subscriber:import_file", "Import subscribers from a CSV or JSONL file.", logs=False),
    "export": CommandEntry("subscriber:export_file", "Export every subscriber as JSONL or CSV.", logs=False),
    "pause": CommandEntry("subscription:pause", "Pause a subscriber's digest.", logs=False),
    "resume": CommandEntry("subscription:resume", "Resume a paused subscriber's digest.", logs=False),
    "unsubscribe": CommandEntry("subscription:unsubscribe", "Unsubscribe a subscriber.", logs=False),
    "suppress": CommandEntry("subscription:suppress", "Stop sending mail to an address permanently.", logs=False),
    "unsuppress": CommandEntry("subscription:unsuppress", "Remove an address from the suppression list.", logs=False),
    "erase": CommandEntry("subscription:erase", "Delete everything about a person.", logs=False),
    "interests": CommandEntry("interests:show_interests", "List a subscriber's interests, or import papers they like."),
    "feedback": CommandEntry("interests:give_feedback", "Record a subscriber's feedback on a paper, or list it."),
    "chat": CommandEntry(
        "subscription:edit_chat", "Send a subscriber's digests to a chat room instead of their mailbox.", logs=False
    ),
    "library": GroupEntry(
        "Manage a subscriber's Zotero libraries.",
        {
            "link": CommandEntry("interests:link_library", "Link a library, so that its papers are liked."),
            "list": CommandEntry("interests:list_libraries", "List a subscriber's libraries.", logs=False),
            "sync": CommandEntry("interests:sync_library", "Sync a library now."),
            "stop": CommandEntry("interests:stop_library", "Add no more saved papers to a library.", logs=False),
            "unlink": CommandEntry("interests:unlink_library", "Unlink a library and delete its key.", logs=False),
        },
    ),
    "saved": GroupEntry(
        "Search, tag and export a subscriber's papers.",
        {
            "list": CommandEntry("saved:list_saved", "List a subscriber's saved papers, newest first, or search."),
            "edit": CommandEntry("saved:edit_note", "Set tags and note of a saved paper.", logs=False),
            "export": CommandEntry("saved:export_saved", "Export a subscriber's saved papers, with tags and notes."),
        },
    ),
    "data": CommandEntry(
        "subscriber:export_data", "Export everything stored about one subscriber as JSON.", logs=False
    ),
}
GROUP = {
    "add": CommandEntry("group:add_group", "Add a group of subscribers with shared interests.", logs=False),
    "list": CommandEntry("group:list_groups", "List the groups.", logs=False),
    "show": CommandEntry("group:show_group", "Show a group, its interests and its members.", logs=False),
    "edit": CommandEntry("group:edit_group", "Change the name and the interests of a group.", logs=False),
    "remove": CommandEntry("group:remove_group", "Remove a group. Its members stay subscribers.", logs=False),
    "join": CommandEntry("group:join_group", "Make a subscriber a member of a group.", logs=False),
    "leave": CommandEntry("group:leave_group", "End a subscriber's membership in a group.", logs=False),
}
PAPER = {
    "import": CommandEntry("paper:import_file", "Import papers from a JSONL file."),
    "list": CommandEntry("paper:list_papers", "List papers, newest first, or search.", logs=False),
    "show": CommandEntry("paper:show_paper", "Show one paper.", logs=False),
    "summarise": CommandEntry(
        "paper:summarise", "Summarise new papers with the language model now, ahead of the service."
    ),
    "merge": CommandEntry("paper:merge_two", "Merge two papers that are the same work."),
    "split": CommandEntry("paper:split_one", "Split a paper that was merged from different works."),
}
SOURCE = {
    "list": CommandEntry(
        "source:list_sources", "List the sources, their last fetch and the state of their hosts.", logs=False
    ),
    "add": CommandEntry("source:add_source", "Add a source.", logs=False),
    "check": CommandEntry("source:check_source", "Fetch one page of a source without storing it, and report problems."),
    "remove": CommandEntry("source:remove_source", "Remove a source. Its papers stay.", logs=False),
}
CONFERENCE = {
    "list": CommandEntry(
        "conference:list_conferences",
        "List the conferences, how many papers they have, and how many programmes were planned.",
        logs=False,
    ),
    "plan": CommandEntry(
        "conference:plan_conference",
        "Plan the programmes of a conference from now on, without waiting a day for more papers.",
        logs=False,
    ),
    "sessions": CommandEntry(
        "conference:import_sessions",
        "Import when and where the papers of a conference are presented, for the calendar files of programmes.",
        logs=False,
    ),
}
DELIVERY = {
    "list": CommandEntry("delivery:list_deliveries", "List deliveries, newest first.", logs=False),
    "show": CommandEntry(
        "delivery:show_delivery", "Show one delivery with its history, attempts and picks.", logs=False
    ),
    "settle": CommandEntry("delivery:settle_delivery", "Settle an uncertain delivery, or one that failed to compose."),
    "resend": CommandEntry(
        "delivery:resend_digests", "Send digests again that did not arrive. Never against consent.", logs=False
    ),
    "reconcile": CommandEntry("delivery:reconcile_deliveries", "Settle uncertain deliveries from the relay's log."),
}
WEBHOOK = {
    "list": CommandEntry("webhook:list_posts", "List webhook posts, newest first.", logs=False),
    "show": CommandEntry("webhook:show_post", "Show one webhook post.", logs=False),
    "retry": CommandEntry("webhook:retry_posts", "Retry one webhook post that was given up, or all.", logs=False),
}
API_TOKEN = {
    "add": CommandEntry("api_token:add_token", "Create an API token and print it.", logs=False),
    "list": CommandEntry("api_token:list_tokens", "List the API tokens.", logs=False),
    "remove": CommandEntry("api_token:remove_token", "Revoke an API token.", logs=False),
}
TEMPLATE = {
    "list": CommandEntry("template:list_templates", "List the templates, and which of them are yours.", logs=False),
    "copy": CommandEntry("template:copy_template", "Copy a built-in template to change it.", logs=False),
    "diff": CommandEntry("template:diff_template", "Compare your template with the built-in one.", logs=False),
}
DB = {
    "copy": CommandEntry("database:copy_database", "Copy the SQLite database to PostgreSQL, and compare every value."),
}
CONFIG = {
    "show": CommandEntry("config:show_settings", "Show every setting, without passwords.", logs=False),
    "check": CommandEntry(
        "config:check", "Check settings, secret key, database, templates and sandbox, without the network."
    ),
    "dkim": CommandEntry("config:show_dkim", "Print the DNS record of the DKIM key."),
    "rotate-secret": CommandEntry("config:rotate_secret", "Create a new secret key and retire the current one."),
}
COMMANDS: Mapping[str, CommandEntry | GroupEntry] = {
    "init": CommandEntry("database:init", "Create the database and the secret key, or upgrade them.", _SERVICE),
    "up": CommandEntry("service:up", "Run the complete service.", _SERVICE, is_service=True),
    "web": CommandEntry("web:serve_web", "Run only the web pages.", _SERVICE, is_service=True),
    "worker": CommandEntry(
        "service:run_worker", "Run the jobs of several machines, or only delivery.", _SERVICE, is_service=True
    ),
    "run": CommandEntry("pipeline:run_once", "Ingest, plan and deliver once, then exit; for cron.", _SERVICE),
    "try": CommandEntry(
        "try_out:try_out",
        "Deliver one digest to a sample subscriber, then serve the pages.",
        is_hidden=True,
        is_service=True,
    ),
    "ingest": CommandEntry(
        "pipeline:ingest", "Fetch new papers. One failing source does not stop the others.", _PIPELINE
    ),
    "plan": CommandEntry("pipeline:plan_due", "Plan a digest for every subscriber who is due.", _PIPELINE),
    "deliver": CommandEntry("pipeline:deliver", "Send the mails that are ready.", _PIPELINE),
    "inbound": CommandEntry(
        "pipeline:inbound", "Read bounces, complaints and mail commands, or what they left for you.", _PIPELINE
    ),
    "send": CommandEntry("pipeline:send", "Send a subscriber their digest now, ahead of their hour.", _PIPELINE),
    "preview": CommandEntry("digest:show_preview", "Show the digest that a subscriber would get now.", _PIPELINE),
    "explain": CommandEntry(
        "digest:show_explanation",
        "Explain a paper's score for a subscriber, or why they got a digest or none.",
        _PIPELINE,
    ),
    "replay": CommandEntry("digest:show_replay", "Rebuild a past digest and compare it with what was sent.", _PIPELINE),
    "subscriber": GroupEntry("Manage subscribers.", SUBSCRIBER, _DATA),
    "group": GroupEntry("Manage groups of subscribers with shared interests.", GROUP, _DATA),
    "paper": GroupEntry("Import, list, merge and split papers.", PAPER, _DATA),
    "source": GroupEntry("Manage the sources of papers.", SOURCE, _DATA),
    "conference": GroupEntry("Manage the programmes of conferences.", CONFERENCE, _DATA),
    "coverage": CommandEntry(
        "source:show_coverage", "Show how complete each day of each source is.", _DATA, logs=False
    ),
    "delivery": GroupEntry("Inspect and settle deliveries.", DELIVERY, _OPERATIONS),
    "doctor": CommandEntry(
        "status:check_installation",
        "Check the installation: DNS, relay, web, clock, disk, database, sources, secrets and sandbox.",
        _OPERATIONS,
    ),
    "status": CommandEntry(
        "status:show_status",
        "Show the state of the service: what is due, sent, waiting and failing.",
        _OPERATIONS,
        logs=False,
    ),
    "fsck": CommandEntry(
        "delivery:check_ledger",
        "Check every invariant of the ledger, and compare it with the sent journal and the relay's log.",
        _OPERATIONS,
        logs=False,
    ),
    "prune": CommandEntry("database:prune", "Delete old deliveries, and old papers that nobody was sent.", _OPERATIONS),
    "backup": CommandEntry(
        "database:backup", "Back up the database and the journals of delivery while digestd runs.", _OPERATIONS
    ),
    "restore": CommandEntry(
        "database:restore", "Put a backup back, and resume without sending anything twice.", _OPERATIONS
    ),
    "db": GroupEntry("Move the database.", DB, _OPERATIONS),
    "evaluate": CommandEntry("evaluate:evaluate", "Measure the ranking on judgments or on feedback.", _OPERATIONS),
    "webhook": GroupEntry("Inspect and retry posts to your own programs.", WEBHOOK, _OPERATIONS),
    "mcp": CommandEntry(
        "mcp:serve_assistant", "Let an assistant act for one subscriber, by MCP.", _DATA, is_service=True
    ),
    "api-token": GroupEntry("Add, list and remove API tokens.", API_TOKEN, _OPERATIONS),
    "template": GroupEntry("Change the templates of mails and pages.", TEMPLATE, _OPERATIONS),
    "config": GroupEntry("Show and check the settings.", CONFIG, _OPERATIONS),
}


class TableGroup(TyperGroup):
    """A group that loads only the command that is resolved.

    It knows the names and summaries of all of them.
    """

    def __init__(self, *, entries: Mapping[str, CommandEntry | GroupEntry] = COMMANDS, **attrs: Any) -> None:
        super().__init__(**attrs)
        self._entries = entries
        self.commands = {name: _summarised(name, entry) for name, entry in entries.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the loaded command and the remaining arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        entry = self._entries.get(name or "")
        return name, load(str(name), entry) if isinstance(entry, CommandEntry) else command, rest


def load(name: str, command: CommandEntry) -> Any:
    """Import a command and turn it into one of Typer's."""
    module, _, function = command.target.partition(":")
    found = getattr(import_module(f"digestd.cli.{module}"), function)
    if command.logs:
        import_module("digestd.logs").configure("console", "warning")
    if not command.is_service:
        found = import_module("digestd.cli.output").with_json(found)
    resume_gc()
    alone = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False)
    alone.command(name)(found)
    return get_command(alone)


def _summarised(name: str, entry: CommandEntry | GroupEntry) -> Any:
    """Return a stand-in for a command or group of Typer's.

    It has a name and a summary only.
    """
    panel = entry.panel or None
    if isinstance(entry, GroupEntry):
        return TableGroup(
            entries=entry.commands,
            name=name,
            help=entry.summary,
            no_args_is_help=True,
            rich_markup_mode="markdown",
            rich_help_panel=panel,
        )
    return TyperCommand(name, help=entry.summary, rich_help_panel=panel, hidden=entry.is_hidden)


def pause_gc() -> None:
    """Stop garbage collection during imports.

    It takes a seventh of the time and finds almost nothing.
    """
    gc.disable()


def resume_gc() -> None:
    """Resume garbage collection without scanning the imported modules. Does nothing if not paused."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
