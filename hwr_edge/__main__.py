"""`python -m hwr_edge` is `hwr-edge`."""

import sys

from hwr_edge.cli import main

sys.exit(main())
