"""Private references.

They serve their owner, reach nobody else, and are deleted with the owner.
"""
