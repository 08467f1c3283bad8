"""`python -m painterly`: the command `painterly`, and what `./start.sh` runs."""

from painterly.cli.command import painterly

if __name__ == "__main__":
    painterly()
