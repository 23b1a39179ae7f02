"""`python -m proctor.cli` is the `proctor` command."""

import sys

from proctor.cli import main

if __name__ == "__main__":
    sys.exit(main())
