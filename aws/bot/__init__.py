"""The Telegram bot: photos go into the bucket, paintings back to the chat."""
