"""Feeds of any dialect, and what publishers put where in them."""
