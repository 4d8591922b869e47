"""Fit the weights of the signals to judgments, the chance of topics to labelled days, and the encoder to both.

    python -m tests.fitting weights OUT --papers P.jsonl --judgments J.jsonl [--papers … --judgments …]
    python -m tests.fitting topics OUT --days FOLDER
    python -m tests.fitting encoder OUT --weights W --days FOLDER --lists L.jsonl --papers … --judgments …

Judgments are a file of papers and one of judgments, as `digestd evaluate` reads them. FOLDER holds whole arXiv days,
whose labels are in tests/evaluation/days and topics; L.jsonl holds papers with the day on which they were listed. W
is model.safetensors of all-MiniLM-L6-v2. The
result is written to OUT, and the measures on held-out users are printed.
`evaluate --against` reads weights; the coefficients of topics belong into `ranking/subjects.json`.
"""
