"""Which papers matter to whom, and why: pure functions over arrays, no I/O, no clock, no randomness.

    texts ──► model.fit ──► TextModel ─┬► pool.build_pool ───────────► Pool  (the day's papers, once per run)
                                       └► profile.compile_profiles ──► Profile per subscriber (in blocks)
    Pool × profiles ──► signals.* ──► fusion.score ──► Scores ──► diversity.diversify
                              └─────► reasons.reason, fusion.account

A signal is one file in `signals/` and one line in its registry. The design and the measured
weights follow a kernel-ridge text ranker with latent semantic analysis; sources are named where used.
"""
