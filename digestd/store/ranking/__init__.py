"""What is fitted or computed for ranking.

    text_models   text models, and the term counts of papers that subscribers named (encodings)
    embeddings    dense vectors of papers
    profiles      what ranking needs of a subscriber
    calibrations  fits of the probability of relevance

All but calibrations can be made again.
"""
