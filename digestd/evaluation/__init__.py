"""Measures of ranking quality: `evaluate`.

`scoring` scores judged cases, `compare` compares two rankers, `metrics` and `calibration_error` are the measures.
`feedback_replay` turns the feedback of an installation into cases, and `feedback_metrics` measures them. Weights and
probabilities are fitted by `tests.fitting`; `tests.bench` measures speed. The pipeline never imports this package.
"""
