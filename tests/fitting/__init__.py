"""Fit the weights of the signals to judgments, and the chance of topics to labelled days.

    python -m tests.fitting weights OUT --papers P.jsonl --judgments J.jsonl [--papers … --judgments …]
    python -m tests.fitting topics OUT --days FOLDER

Judgments are a file of papers and one of judgments, as `digestd evaluate` reads them. FOLDER holds whole arXiv days,
whose labels are in tests/evaluation/days. The result is written to OUT, and the measures on held-out users are printed.
`evaluate --against` reads weights; the coefficients of topics belong into `ranking/subjects.json`.
"""
