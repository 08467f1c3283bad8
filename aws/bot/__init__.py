"""The Telegram bot: photos in, wishes and photos into the bucket, paintings back to the chat."""
