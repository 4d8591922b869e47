"""A sample day, for a first try where no source can be reached: every entry is invented.

`preprints.jsonl` and `community.jsonl` are two sources in the form of `paper import`; they name
some works both, as real ones do.
"""
