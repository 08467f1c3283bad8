"""The runner: plan, paint, store."""
