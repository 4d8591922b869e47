"""Planning: who is due, which papers, frozen as a digest with its ledger row.

model     the text model in use, fitted anew when the archive has outgrown it
aside     fits it in a process of its own, which planning does not wait for
day       the candidate papers of the day, read once
coverage  which sources are not whole, said in the digest
dense     what the dense model, where there is one, makes of them
shard     rank and compose for some hundreds of subscribers
picking   the picks of one subscriber; of two rankers where a trial runs
road      plan everything due: gather, decide, apply, shard by shard
account   preview and explain: what planning would do for one subscriber
foresee   the first digest of somebody who is none yet
verdict   why a paper is in a digest or not, in a sentence
past      how it fared in a past digest
chances   what the install has learnt of chances
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
