"""Measures of ranking quality and speed: `evaluate`, `trial` and `bench`.

`scoring` scores judged cases, `compare` compares two rankers, `learn_weights` and `calibrate` fit weights and
probabilities, `feedback_replay` turns the feedback of an installation into cases, `trial` counts which of two
rankings subscribers prefer, and `bench` measures throughput on a temporary database. The pipeline never imports
this package.
"""
