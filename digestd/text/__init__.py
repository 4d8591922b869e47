"""Text as people write it: TeX, markup, odd characters, scripts, names. Knows nothing of papers or subscribers."""
