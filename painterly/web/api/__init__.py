"""The API: its requests, the forms that they are sent in, and its page."""
