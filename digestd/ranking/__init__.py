"""Ranking: which papers matter to whom, and why.

Pure functions over arrays: no I/O, no clock, no global state.

    texts ──► model.fit ──► TextModel ─┬► candidates.build_candidates ──► CandidateSet  (the day's papers, once a run)
                                       └► compiler.compile_records ─► profile.read_profiles ─► Profiles, in blocks
    CandidateSet × profiles ──► signals.* ──► fusion.score ──► Scores ──► diversity.diversify
                                    └───────► reasons.reasons, fusion.score_breakdown

A signal is a function of a family in `signals/` and one line in its registry. The model is kernel ridge regression
on TF-IDF with latent semantic analysis; each module names its sources. Ranking knows nothing of the store,
of mail or of time.
"""
