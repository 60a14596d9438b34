#!/usr/bin/env python3
"""A cluster of upstream's documented size on paper: 5,000 nodes and 150,000 pods of 50 Deployments.

  bench/large.py [--bin build/release/bin] [--nodes 5000] [--deployments 50] [--replicas 3000]

Starts a daemon of its own in a folder of its own, with simulated nodes (plugins/runtime/sim). Prints how long it takes from
the first Deployment to the last available pod, the daemon's CPU a pod and its resident memory, then ends it with kill -9 and
prints how long the next one takes to /readyz, and whether all pods are still there.
"""
import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error

from api import Api, call

CONFIGURATION = """[daemon]
roles = ["server"]
data_dir = "{dir}/data"
run_dir = "{dir}/run"
[api]
listen = ["127.0.0.1:{port}"]
kubeconfig = "{dir}/kubeconfig"
[plugin.sim]
nodes = {nodes}
"""
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def ready(kubeconfig):
    """Answers a connection to a server that says it is ready."""
    while True:
        try:
            connection = Api(kubeconfig).connect()
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return connection
        except (OSError, ValueError, subprocess.CalledProcessError, urllib.error.URLError):
            pass
        time.sleep(0.02)


def start(binaries, folder):
    begin = time.monotonic()
    # pylint: disable-next=consider-using-with
    daemon = subprocess.Popen([os.path.join(binaries, "gantryd"), "--config", f"{folder}/g.toml"],
                              stdout=open(f"{folder}/log", "ab"), stderr=subprocess.STDOUT)
    kubeconfig = f"{folder}/kubeconfig"
    while not os.path.exists(kubeconfig):
        if daemon.poll() is not None:
            raise SystemExit(f"gantryd ended at once: see {folder}/log")
        time.sleep(0.02)
    connection = ready(kubeconfig)
    return daemon, connection, time.monotonic() - begin


def deployment(name, replicas):
    labels = {"app": name}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "sim"}]}}}}


def counted(connection, path):
    """How many objects there are, without reading them all."""
    listed = call(connection, "GET", f"{path}?limit=1")
    return len(listed["items"]) + listed["metadata"].get("remainingItemCount", 0)


def wait_available(connection, path, wanted):
    while True:
        have = [item.get("status", {}).get("availableReplicas", 0) for item in call(connection, "GET", path)["items"]]
        if sum(have) >= wanted:
            return
        time.sleep(0.25)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bin", default="build/release/bin")
    options.add_argument("--port", type=int, default=16543)
    options.add_argument("--nodes", type=int, default=5000)
    options.add_argument("--deployments", type=int, default=50)
    options.add_argument("--replicas", type=int, default=3000)
    given = options.parse_args()

    folder = tempfile.mkdtemp(prefix="gantry-large-")
    with open(f"{folder}/g.toml", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(dir=folder, port=given.port, nodes=given.nodes))
    daemon, connection, took = start(given.bin, folder)
    try:
        print(f"/readyz of an empty store: {took * 1000:.0f} ms")
        begin, before = time.monotonic(), cpu_seconds(daemon.pid)
        while counted(connection, "/api/v1/nodes") < given.nodes:
            time.sleep(0.05)
        print(f"{given.nodes} nodes: {time.monotonic() - begin:.1f} s, {cpu_seconds(daemon.pid) - before:.1f} s of CPU, "
              f"{resident_mb(daemon.pid)} MB")

        path = "/apis/apps/v1/namespaces/default/deployments"
        pods = given.deployments * given.replicas
        begin, before = time.monotonic(), cpu_seconds(daemon.pid)
        for index in range(given.deployments):
            call(connection, "POST", path, deployment(f"large-{index}", given.replicas))
        wait_available(connection, path, pods)
        took, used = time.monotonic() - begin, cpu_seconds(daemon.pid) - before
        print(f"{pods} pods available: {took:.1f} s, {used / pods * 1000:.3f} ms of CPU each, {resident_mb(daemon.pid)} MB")
        for wait in (30, 60):
            time.sleep(wait)
            print(f"  {resident_mb(daemon.pid)} MB {wait} s later")

        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        daemon, connection, took = start(given.bin, folder)
        kept = counted(connection, "/api/v1/pods")
        print(f"/readyz after kill -9: {took:.2f} s, {kept} pods, {resident_mb(daemon.pid)} MB")
        if kept != pods:
            raise SystemExit(f"there were {pods} pods before")
    finally:
        daemon.terminate()
        daemon.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
