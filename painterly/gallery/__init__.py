"""Records → a page to look at."""
