#!/usr/bin/env python3
"""An Indexed Job of many short pods on simulated nodes: how long it takes, what it costs, whether the counts are right.

  bench/jobs.py [--bin build/release/bin] [--nodes 20] [--completions 10000] [--parallelism 500] [--run-for 100ms]

Starts a daemon of its own in a folder of its own, as bench/large.py does. Prints the time from the Job to its Complete
condition and the daemon's CPU a pod.
"""
import argparse
import shutil
import tempfile
import time

from api import call
from large import CONFIGURATION, counted, cpu_seconds, resident_mb, start

JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


def job(given):
    template = {"metadata": {"annotations": {"sim.gantry.dev/run-for": given.run_for}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "sim"}]}}
    return {"metadata": {"name": "work"}, "spec": {"completionMode": "Indexed", "completions": given.completions,
                                                   "parallelism": given.parallelism, "template": template}}


def wait_complete(connection):
    while True:
        status = call(connection, "GET", f"{JOBS}/work").get("status", {})
        if any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in status.get("conditions", [])):
            return status
        time.sleep(0.1)


def check(connection, status, given):
    made = counted(connection, PODS)
    right = (status.get("succeeded"), status.get("failed", 0), status.get("completedIndexes"), made)
    if right != (given.completions, 0, f"0-{given.completions - 1}", given.completions):
        raise SystemExit(f"wrong: succeeded, failed, completedIndexes, pods are {right}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", default="build/release/bin")
    options.add_argument("--port", type=int, default=16544)
    options.add_argument("--nodes", type=int, default=20)
    options.add_argument("--completions", type=int, default=10000)
    options.add_argument("--parallelism", type=int, default=500)
    options.add_argument("--run-for", default="100ms")
    given = options.parse_args()

    folder = tempfile.mkdtemp(prefix="gantry-jobs-")
    with open(f"{folder}/g.toml", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(dir=folder, port=given.port, nodes=given.nodes))
    daemon, connection, _ = start(given.bin, folder)
    try:
        while counted(connection, "/api/v1/nodes") < given.nodes:
            time.sleep(0.05)
        begin, before = time.monotonic(), cpu_seconds(daemon.pid)
        call(connection, "POST", JOBS, job(given))
        status = wait_complete(connection)
        took, used = time.monotonic() - begin, cpu_seconds(daemon.pid) - before
        check(connection, status, given)
        print(f"{given.completions} indexes, {given.parallelism} at a time, of {given.run_for}: {took:.1f} s, "
              f"{used / given.completions * 1000:.2f} ms of CPU a pod, {resident_mb(daemon.pid)} MB")
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
