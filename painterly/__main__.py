"""`python -m painterly`: the command `painterly`, and what `./start.sh` runs."""

from typing import NoReturn

from painterly.settings.installation import prefer_own_packages


def painterly() -> NoReturn:
    """Run the command, and end the process with its exit code."""
    prefer_own_packages()  # Before the first one is imported.
    from painterly.cli.app import leave
    from painterly.cli.command import main

    leave(main())


if __name__ == "__main__":
    painterly()
