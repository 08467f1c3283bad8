"""The configuration that the environment and `.env` give."""
