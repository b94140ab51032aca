"""`python -m cli`: the `coronet` command, for torchrun and where no console script is installed."""

import sys

from cli.main import main

sys.exit(main())
