"""Throughput of one and of two replicas of the networks behind a local Ray Serve; needs requirements-ray.lock.

    .venv/bin/python -m benchmarks.scaling [--replicas 1 2] [--clients 6] [--speeches 60] [--batch 1] [--wait 0.5]

Clients ask for texts of one to three sentences at once, as sites do.  Each replica computes in one thread.  --wait: the
networks are replaced by a stand-in that only waits so many seconds a sentence, so that what is measured is the way to
the replicas and back, and whether two of them do twice the work, whatever the machine's cores have to do.
Processor seconds are those of all threads of the processes, and hold on a busy machine, too.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.memory import text
from config import ROOT, Config
from models import RemoteCloner, VoiceProfile, read

TICKS = os.sysconf("SC_CLK_TCK")  # a processor second
KINDS = {"replicas": "ray::ServeReplica", "proxy": "ray::ProxyActor"}
START_SECONDS = 600.0
TOKEN, PORT = "benchmark", 8700


class Waiting:
    """In place of a VoiceCloner: waits, and gives a second of silence for each sentence."""

    device, sample_rate, in_use, fingerprint = "none", 16_000, {}, ""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def say(self, sentences: list, _profile: VoiceProfile, **_manner: object) -> Iterator:
        from models import SpokenSentence

        for _ in sentences:
            time.sleep(self.seconds)
            yield SpokenSentence(np.zeros(self.sample_rate, dtype=np.float32), ())


def serve_replicas(port: int, load: Callable, batch: int = 1) -> None:
    """Serve replicas at a port of this machine: as many as each line of the standard input says, until its end.

    Says "ready" after each line.
    """
    import ray
    from ray import serve

    from ray_serve import Networks

    quiet = {"log_level": "ERROR"}
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:  # short: it holds sockets
        ray.init(
            num_cpus=16,  # so many replicas may be asked for, whatever the machine has
            include_dashboard=False,
            object_store_memory=80_000_000,
            log_to_driver=False,
            logging_level="error",
            _temp_dir=folder,
            _node_ip_address="127.0.0.1",
        )
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=quiet)
            for line in sys.stdin:
                options = {"num_replicas": int(line), "user_config": {"max_batch": batch}}
                serve.run(Networks.options(**options).bind(load), name="tembr", logging_config=quiet)
                print("ready", flush=True)
        finally:
            serve.shutdown()
            ray.shutdown()


class Replicas:
    """A program that calls serve_replicas, from `with` on."""

    def __init__(self, *command: str):
        self._command = command

    def __enter__(self) -> "Replicas":
        settings = {"TEMBR_CLONER_TOKEN": TOKEN, "PYTHONWARNINGS": "ignore", "RAY_USAGE_STATS_ENABLED": "0"}
        settings |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "120"}
        settings |= {"RAY_worker_niceness": "0"}  # 15 else: on a busy machine they would never start
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(self._command, env=os.environ | settings, **pipes)
        return self

    def become(self, n_replicas: int) -> None:
        """Block until so many serve.  Raises RuntimeError."""
        killer = threading.Timer(START_SECONDS, self.process.kill)
        killer.start()
        try:
            self.process.stdin.write(f"{n_replicas}\n")
            self.process.stdin.flush()
            if not any(line == "ready\n" for line in self.process.stdout):
                raise RuntimeError("the replicas did not start")
        finally:
            killer.cancel()

    def __exit__(self, *error: object) -> None:
        killer = threading.Timer(START_SECONDS, self.process.kill)
        killer.start()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        killer.cancel()


def processor_seconds(root: int) -> dict[str, float]:
    """Of the replicas and the proxy below a process, by KINDS."""
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            stats[int(folder.name)] = (folder / "cmdline").read_bytes().decode(), int(fields[1]), fields[11:13]
        except (FileNotFoundError, ProcessLookupError):
            continue
    below = {root}
    for _ in range(4):  # raylet, its worker, and some between
        below |= {pid for pid, (_, parent, _) in stats.items() if parent in below}
    spent = dict.fromkeys(KINDS, 0.0)
    for command, _, ticks in (stats[pid] for pid in below if pid in stats):
        for kind, start in KINDS.items():
            spent[kind] += sum(map(int, ticks)) / TICKS * command.startswith(start)
    return spent


def measure(address: str, texts: list[list], profile: VoiceProfile, n_clients: int) -> tuple[float, list[float], float]:
    """Speak the texts, so many at once: seconds of speech, each text's seconds to its first sentence, wall seconds."""
    cloner = RemoteCloner(address, TOKEN, patience=600.0, attempt_seconds=300.0)

    def speak(sentences: list) -> tuple[float, float]:
        began, first, n_samples = time.perf_counter(), None, 0
        for spoken in cloner.say(sentences, profile):
            first = first or time.perf_counter() - began
            n_samples += len(spoken.waveform)
        return n_samples / cloner.sample_rate, first

    with ThreadPoolExecutor(n_clients) as clients:
        list(clients.map(speak, texts[: 2 * n_clients]))  # warm
        began = time.perf_counter()
        said = list(clients.map(speak, texts))
    return sum(seconds for seconds, _ in said), [first for _, first in said], time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, default=6, help="texts at once")
    parser.add_argument("--speeches", type=int, default=60)
    parser.add_argument("--batch", type=int, default=1, help="sentences that a replica says together")
    parser.add_argument("--wait", type=float, help="seconds a sentence, instead of the networks")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        from ray_serve import load_cloner

        load = load_cloner if asked.wait is None else lambda: Waiting(asked.wait)
        serve_replicas(asked.serve, load, asked.batch)
        return
    rng = random.Random(1)
    texts = [read(text(rng)) for _ in range(asked.speeches)]
    ready = sorted(Path(Config.READY_VOICES).glob("*.safetensors"))
    profile = VoiceProfile.from_bytes(ready[0].read_bytes())
    print(f"{len(texts)} texts, {sum(map(len, texts))} sentences, {asked.clients} at once")
    print(
        "replicas  speech s/wall s  texts/min  first s (median, 95 %)  processor s per speech s: replicas, proxy, site"
    )
    command = [sys.executable, "-m", "benchmarks.scaling", "--serve", str(PORT), "--batch", str(asked.batch)]
    command += ["--wait", str(asked.wait)] if asked.wait is not None else []
    with Replicas(*command) as replicas:
        for n_replicas in asked.replicas:
            replicas.become(n_replicas)
            report(n_replicas, replicas.process.pid, texts, profile, asked.clients)


def report(n_replicas: int, process: int, texts: list[list], profile: VoiceProfile, n_clients: int) -> None:
    """Measure, and print a line.  process: that the replicas are below."""
    before, own = processor_seconds(process), time.process_time()
    seconds, first, wall = measure(f"ray://127.0.0.1:{PORT}", texts, profile, n_clients)
    spent, own = processor_seconds(process), time.process_time() - own
    share = len(texts) / (len(texts) + min(len(texts), 2 * n_clients))  # the rest was to warm up
    per = [share * (spent[kind] - before[kind]) / seconds for kind in KINDS] + [share * own / seconds]
    median, late = np.percentile(first, [50, 95])
    print(
        f"{n_replicas:8}  {seconds / wall:15.2f}  {60 * len(texts) / wall:9.1f}  {median:10.2f} {late:10.2f}  "
        f"{per[0]:28.4f} {per[1]:8.4f} {per[2]:8.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
