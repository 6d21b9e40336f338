"""python -m app.cli: what ./tembr runs."""

import gc
import sys

gc.set_threshold(100_000)  # loading makes a million objects that stay: looking through them took 0.3 s

from app.cli import main  # noqa: E402

status = main()
gc.freeze()  # all memory goes back with the process: looking through it once more took 0.7 s
sys.exit(status)
