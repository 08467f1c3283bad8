"""Photos before their job: as they are sent, kept, and previewed."""
