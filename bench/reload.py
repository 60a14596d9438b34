#!/usr/bin/env python3
"""Reloads a controller plugin again and again while ReplicaSets are scaled up and down on simulated nodes.

  bench/reload.py --kubeconfig FILE [--reloads 1000] [--rate 500] [--plugin replicaset] [--warm 60000]

First the load runs alone for --warm writes, which fills the daemon's history of revisions (64 MB at most): what grows after
that is not history. Needs a daemon with `[plugin.sim] nodes = 100`, see plugins/runtime/sim. Prints the pauses the daemon
reports, its resident memory over the run, whether an old image stayed mapped, and checks at the end that each ReplicaSet has
just the pods it asks for.
"""
import argparse
import json
import os
import threading
import time

from api import Api, call

SETS, NAMESPACE = 100, "reload-bench"


def replica_set(name):
    labels = {"set": name}
    return {"metadata": {"name": name}, "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "sim"}]}}}}


def load(api, rate, stop, wanted):
    """Scales one set after the other so that about `rate` pods are created a second."""
    connection, path = api.connect(), f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets/"
    step, turn = 10, 0
    begin = time.monotonic()
    while not stop.is_set():
        name = f"set-{turn % SETS}"
        size = step if (turn // SETS) % 2 == 0 else 0
        call(connection, "PATCH", path + name, {"spec": {"replicas": size}}, "application/merge-patch+json")
        wanted[name] = size
        turn += 1
        # Half of the rounds delete what the other half made.
        delay = begin + turn * step / 2 / rate - time.monotonic()
        if delay > 0:
            time.sleep(delay)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def revision(connection):
    """The newest, which an empty list tells as well as any."""
    return int(call(connection, "GET", "/api/v1/namespaces/" + NAMESPACE + "/secrets")["metadata"]["resourceVersion"])


def images(pid, plugin):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return len({line.split()[-1] for line in maps if f"/plugins/{plugin}." in line})


def settled(connection, wanted):
    """Each set's pods that are alive, object by object; None while any set is not what it asks for."""
    pods = call(connection, "GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    alive = {}
    for pod in pods:
        owner = pod["metadata"]["ownerReferences"][0]["name"]
        if "deletionTimestamp" in pod["metadata"] or pod["status"]["phase"] != "Running":
            return None
        alive[owner] = alive.get(owner, 0) + 1
    sets = call(connection, "GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets")["items"]
    for each in sets:
        name, size = each["metadata"]["name"], each["spec"]["replicas"]
        status = each["status"]
        if alive.get(name, 0) != size or status.get("availableReplicas", 0) != size or wanted.get(name, 0) != size:
            return None
    return sum(alive.values())


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kubeconfig", default=os.environ.get("KUBECONFIG"))
    options.add_argument("--reloads", type=int, default=1000)
    options.add_argument("--rate", type=int, default=500)
    options.add_argument("--plugin", default="replicaset")
    options.add_argument("--warm", type=int, default=60000)
    given = options.parse_args()
    api = Api(given.kubeconfig)
    connection = api.connect()
    pid = call(connection, "GET", "/gantry/v1/status")["pid"]
    call(connection, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for i in range(SETS):
        call(connection, "POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets", replica_set(f"set-{i}"))
    stop, wanted = threading.Event(), {}
    loader = threading.Thread(target=load, args=(api, given.rate, stop, wanted))
    loader.start()
    first = revision(connection)
    while revision(connection) < first + given.warm:
        time.sleep(0.2)
    begin_version, begin = revision(connection), time.monotonic()
    pauses, memory, stayed = [], [], 0
    for i in range(given.reloads):
        pauses.append(call(connection, "POST", "/gantry/v1/plugins:reload", {"name": given.plugin})["lastPauseMicroseconds"])
        stayed += images(pid, given.plugin) != 1
        if (i + 1) % 50 == 0:
            # Pods leave Events, which the daemon keeps for an hour: they are not what is looked for.
            call(connection, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/events")
            memory.append(resident_kb(pid) // 1024)
    took, written = time.monotonic() - begin, revision(connection) - begin_version
    stop.set()
    loader.join()
    pods = None
    deadline = time.monotonic() + 60
    while pods is None and time.monotonic() < deadline:
        pods = settled(connection, wanted)
    pauses.sort()
    print(f"reloads                {given.reloads} in {took:.1f} s")
    print(f"pause p50, p99, max    {pauses[len(pauses) // 2] / 1000:.2f} ms, {pauses[len(pauses) * 99 // 100] / 1000:.2f} ms, "
          f"{pauses[-1] / 1000:.2f} ms")
    print(f"resident, every 50     {' '.join(map(str, memory))} MB")
    print(f"old image still mapped {stayed} times")
    print("in the end             " + (f"every set has its pods, {pods} in all" if pods is not None else "NOT RIGHT after 60 s"))
    print(f"writes meanwhile       {written}")
    call(connection, "DELETE", "/api/v1/namespaces/" + NAMESPACE)
    raise SystemExit(0 if pods is not None and stayed == 0 else 1)


if __name__ == "__main__":
    main()
