"""python -m app.cli: what ./tembr runs."""

import sys

from app.cli import main

sys.exit(main())
