"""Measures of ranking quality and speed: `evaluate`, `trial` and `bench`.

`run` scores judged cases, `compare` compares two rankers, `learn` and `calibrate` fit weights and probabilities,
`bench` measures throughput on a temporary database. The pipeline never imports this package.
"""
