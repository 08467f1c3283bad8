"""Words for users: wording, texts in their languages, titles, and messages to webhooks."""
