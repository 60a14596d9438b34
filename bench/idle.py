#!/usr/bin/env python3
"""What an idle connection and an idle watch cost a server in resident memory.

  bench/idle.py --kubeconfig FILE --pid PID [--count 500] [--watch]

Opens so many connections that ask once and stay, or with --watch as many that watch ConfigMaps of which none changes;
give each a fresh daemon. Ten of them are opened and closed before: what a server keeps for good after the first does not count.
"""
import argparse
import time

from api import Api

WATCH = "/api/v1/namespaces/default/configmaps?watch=true"


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def asked(api):
    connection = api.connect()
    connection.request("GET", "/readyz")
    connection.getresponse().read()
    return connection


def watching(api):
    connection = api.connect()
    connection.request("GET", WATCH)
    connection.getresponse()  # its head; what follows comes as things change
    return connection


def cost(api, pid, count, opened):
    for connection in [opened(api) for _ in range(10)]:
        connection.close()
    time.sleep(5)  # what is freed goes back after a second or two
    before = resident_kb(pid)
    connections = [opened(api) for _ in range(count)]
    time.sleep(5)
    after = resident_kb(pid)
    for connection in connections:
        connection.close()
    return (after - before) / count


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--pid", type=int, required=True)
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--watch", action="store_true")
    given = options.parse_args()
    api = Api(given.kubeconfig)
    name, opened = ("watch", watching) if given.watch else ("connection", asked)
    print(f"an idle {name}: {cost(api, given.pid, given.count, opened):.1f} KB")


if __name__ == "__main__":
    main()
