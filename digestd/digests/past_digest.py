"""Explain a pick of a past digest from what was stored with it."""

from digestd.digests.explanation import Explanation, find_paper
from digestd.digests.pick_outcome import describe_pick, period_of_pick
from digestd.domain.paper import PaperId
from digestd.domain.schedule import period_date
from digestd.errors import NotFound
from digestd.store import papers
from digestd.store.database import Database
from digestd.store.ledger import queries


def explain_past_pick(db: Database, subscriber: int, paper_id: PaperId, period: str) -> Explanation:
    """Explain a pick of a past digest, without the parts of its score, which are not stored.

    Raises NotFound if there is no such digest or the paper was not in it: nothing is stored about other papers.
    """
    paper = find_paper(db, paper_id)
    with db.read() as session:
        digests = queries.digests(session, subscriber)
        planned = next((digest for digest in digests if digest.period == period), None)
        claim = None if planned is None else queries.as_claim(session, planned.key)
        if claim is None:
            near = sorted(
                (digest.period for digest in digests), key=lambda key: abs(period_date(key) - period_date(period))
            )
            raise NotFound(
                f"there is no digest of {period}" + (f"; the nearest: {', '.join(near[:5])}" if near else "")
            )
        names = {paper.key, *papers.former_keys(session, [paper.key]).get(paper.key, ())}
        pick = next((pick for pick in claim.picks if pick.paper in names), None)
        if pick is None:
            other = period_of_pick(session, subscriber, names)
            raise NotFound(
                f"{paper_id} was not in the digest of {period}, and nothing is stored about other papers"
                + (f"; it was in that of {other}" if other else "")
            )
        return Explanation(
            paper=papers.revisions(session, [pick.revision])[pick.revision],
            period=period,
            score=pick.score,
            relevance=None,
            probability=pick.probability,
            min_score=None,
            rank=pick.rank,
            candidates=claim.considered,
            verdict=describe_pick(pick),
            reason=pick.reason,
        )
