"""`python -m styletransfer`: the command `painterly`, and what `./start.sh` runs."""

from styletransfer.cli.command import painterly

if __name__ == "__main__":
    painterly()
