"""arXiv's three interfaces, and the calendar of its announcements."""
