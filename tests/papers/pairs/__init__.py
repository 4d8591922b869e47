"""Pairs of sightings that are one work, or hard to tell from it.

What `same_work` is measured on.

works.jsonl     invented works in several fields and scripts, each with what may befall it
invented        pairs made of them, and of special.jsonl: pairs written one by one
found.jsonl     identifiers of pairs in the outside data; labels follow from the identifiers
found           those pairs, in the forms in which sources give them
forms           how another source gives the same work
report          precision and recall; `python -m tests.papers.pairs` prints them
"""
