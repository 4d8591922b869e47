"""Test the confinement of parsers with real processes.

An attacker that has taken over a parser (attacker.py) tries everything by plain system calls, under one layer at a time
and under all of them. The test of a layer that this machine lacks is skipped with the reason.
"""
