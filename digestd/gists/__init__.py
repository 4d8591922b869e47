"""Gists: the sentences of an abstract that say what is new and what came out."""
