"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

from styletransfer.cli.app import leave
from styletransfer.cli.paint import main

if __name__ == "__main__":
    leave(main())
