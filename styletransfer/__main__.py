"""`python -m styletransfer`: the batch that `./start.sh` runs."""

from styletransfer.cli.app import leave
from styletransfer.cli.batch import main

if __name__ == "__main__":
    leave(main())
