"""A local Ray with replicas of a stand-in for the networks, for test_ray; run by a Python that has Ray.

python -m tests.ray_cluster PORT SECONDS       SECONDS: that a sentence takes
"""

import os
import sys
import time

from benchmarks.scaling import serve_replicas
from models import SpokenSentence, Word
from tests.fakes import FakeCloner


class SlowHum(FakeCloner):
    """Tells its process in the name of its device and in the words it says, so that a test can tell and kill it."""

    def __init__(self):
        super().__init__()
        self.device = f"process {os.getpid()}"
        self.between = lambda: time.sleep(float(os.environ["SENTENCE_SECONDS"]))

    def say(self, *asked, **named):
        for spoken in super().say(*asked, **named):
            yield SpokenSentence(spoken.waveform, (Word(str(os.getpid()), 0, 0.0, 1.0),))


if __name__ == "__main__":
    os.environ["SENTENCE_SECONDS"] = sys.argv[2]
    serve_replicas(int(sys.argv[1]), SlowHum)
