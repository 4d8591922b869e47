"""A sample day of invented papers, for trying digestd without reaching any source.

`preprints.jsonl` and `community.jsonl` are two sources in the format of `paper import`. Some papers are in both.
"""
