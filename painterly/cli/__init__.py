"""Command lines: arguments → calls, errors → exit codes."""
