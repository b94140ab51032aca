"""`python -m coronet_serve`: the `coronet` command, for torchrun and where no console script is installed."""

import sys

from cli.main import main

if __name__ == "__main__":
    sys.exit(main())
