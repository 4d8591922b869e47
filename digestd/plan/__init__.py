"""Planning: who is due, which papers, frozen as a digest with its ledger row.

text_model             the text model in use, refitted when the archive has outgrown it
refit_subprocess       refits it in a process of its own
planning_day           the candidate papers of the day, read once
coverage               which sources are incomplete, as shown in the digest
embeddings             the candidates' vectors by the optional dense model
seed_reader            the papers that subscribers named
profiles, shard        compile profiles and rank some hundreds of subscribers
pick_selection         select their picks, from two rankings while a trial runs
planner                plan everything due: gather, decide, apply, shard by shard
explanation, verdict   preview and explain: what planning would do for one subscriber, and why
past_digest            explain a pick of a past digest
anonymous_preview      the first digest of somebody who has not subscribed
relevance_probability  what the install has learned from feedback
"""

from digestd.plan.anonymous_preview import AnonymousPreview, preview_anonymous
from digestd.plan.explanation import Explanation, Preview, explain, preview
from digestd.plan.past_digest import explain_past_pick
from digestd.plan.planner import Planner, PlanReport, plan

__all__ = [
    "AnonymousPreview",
    "Explanation",
    "PlanReport",
    "Planner",
    "Preview",
    "explain",
    "explain_past_pick",
    "plan",
    "preview",
    "preview_anonymous",
]
