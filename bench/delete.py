#!/usr/bin/env python3
"""How fast a server deletes a large collection of pods that no node has.

  bench/delete.py --kubeconfig FILE --pid PID [--count 10000] [--rounds 3]

Creates so many pods that no node takes, deletes them with one request, and prints the rate and the server's CPU of each round.
"""
import argparse
import os
import statistics
import threading
import time

from api import Api, call

NAMESPACE, CLIENTS = "delete-bench", 8
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def create(api, names):
    connection = api.connect()
    for name in names:
        call(connection, "POST", PODS, {"metadata": {"name": name, "labels": {"app": "delete-bench"}}, "spec": {
            "schedulerName": "nobody", "containers": [{"name": "main", "image": "none"}]}})


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--pid", type=int, required=True)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    api = Api(given.kubeconfig)
    connection = api.connect()
    call(connection, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    rates, costs = [], []
    for turn in range(given.rounds):
        names = [f"p-{turn}-{index:06}" for index in range(given.count)]
        threads = [threading.Thread(target=create, args=(api, names[first::CLIENTS])) for first in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(1)  # what the controllers do with the pods is not what is measured
        begin, before = time.monotonic(), cpu_seconds(given.pid)
        call(connection, "DELETE", PODS, {"gracePeriodSeconds": 0})
        took, used = time.monotonic() - begin, cpu_seconds(given.pid) - before
        left = len(call(connection, "GET", PODS)["items"])
        rates.append(given.count / took)
        costs.append(used / given.count * 1000)
        print(f"{given.count} deleted in {took:.2f} s: {rates[-1]:.0f}/s, {costs[-1]:.3f} ms of CPU each, {left} left")
    print(f"median: {statistics.median(rates):.0f}/s, {statistics.median(costs):.3f} ms")
    call(connection, "DELETE", "/api/v1/namespaces/" + NAMESPACE)


if __name__ == "__main__":
    main()
