"""Tests of the sandbox for parsers, against real confined processes.

An attacker that has taken over a parser (attacker.py) tries everything it is told, by plain system calls, under one
layer at a time and under all of them. A test of a layer that this machine lacks is skipped and says why.
"""
