"""Private references: they serve their owner, reach nobody else, and are deleted with the owner."""
