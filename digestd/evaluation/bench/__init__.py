"""Benchmarks on a temporary database, with invented papers and people; they need no settings and no `init`.

invented   papers and subscribers of invented words, the same for the same seed
rank       everybody ranked against a day
"""
