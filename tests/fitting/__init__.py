"""Fit the weights of the signals, and the probabilities of scores, to judgments.

    python -m tests.fitting weights OUT --papers P.jsonl --judgments J.jsonl [--papers … --judgments …]
    python -m tests.fitting calibration OUT --papers P.jsonl --judgments J.jsonl

Each set is a file of papers and one of judgments, as `digestd evaluate` reads them. The result is written to OUT, which
`evaluate --against` and `trial start` read, and the measures on held-out users are printed.
"""
