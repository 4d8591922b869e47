"""Measures of ranking quality: `evaluate`.

`scoring` scores judged cases, `compare` compares two rankers, `metrics` and `calibration_error` are the measures.
Weights and probabilities are fitted by `tests.fitting`; `tests.bench` measures speed. The pipeline never imports this
package.
"""
