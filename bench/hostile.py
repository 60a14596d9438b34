#!/usr/bin/env python3
"""Memory and answers of a daemon under the worst requests that are known.

  bench/hostile.py --kubeconfig FILE --pid PID [--clients 64] [--rounds 2]

First each input alone, with the answer's code and the daemon's peak of resident memory; then all of them by so many
clients at once, with strangers who send bodies and stop, watches and lists that nobody reads, while /healthz is asked and a
Lease renewed. Prints resident memory before, at the worst of it and after, and the latencies of the two.
"""
import argparse
import http.client
import json
import random
import socket
import ssl
import threading
import time

from api import Api, call

CONFIGMAPS = "/api/v1/namespaces/hostile/configmaps"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/hostile/leases/beat"
JSON, YAML = "application/json", "application/yaml"
JSON_PATCH, MERGE, STRATEGIC = (f"application/{name}+json" for name in (
    "json-patch", "merge-patch", "strategic-merge-patch"))
MANY = 25_000


def deep_copies():
    value = {}
    for _ in range(58):
        value = {"a": value}
    operations, depth = [{"op": "add", "path": "/x", "value": value}], 59
    while depth < 100_000:
        operations.append({"op": "copy", "from": "/x", "path": "/x" + "/a" * depth})
        depth *= 2
    return operations


def moves():
    return ([{"op": "add", "path": "/x", "value": [0] * 100_000}] +
            [{"op": "move", "from": "/x", "path": "/y"}, {"op": "move", "from": "/y", "path": "/x"}] * 200 +
            [{"op": "remove", "path": "/x"}])


def erasures(kind):
    if kind == JSON_PATCH:
        return [{"op": "remove", "path": f"/data/{i:05x}"} for i in range(MANY)]
    return {"data": {f"{i:05x}": None for i in range(MANY)}}


def pod(rules):
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", "env": rules}]}}


def inputs():
    """(name, method, path, media type, body); built once, and sent as they are."""
    fat = CONFIGMAPS + "/fat?dryRun=All"
    out = [
        ("copies that double the depth", "PATCH", fat, JSON_PATCH, json.dumps(deep_copies())),
        ("a large value moved to and fro", "PATCH", fat, JSON_PATCH, json.dumps(moves())),
        ("many keys removed, JSON patch", "PATCH", fat, JSON_PATCH, json.dumps(erasures(JSON_PATCH))),
        ("many keys removed, merge patch", "PATCH", fat, MERGE, json.dumps(erasures(MERGE))),
        ("many keys removed, strategic patch", "PATCH", fat, STRATEGIC, json.dumps(erasures(STRATEGIC))),
        ("a duplicate field with a long name", "POST", CONFIGMAPS + "?dryRun=All", JSON,
         '{"metadata":{"name":"z"},"' + "k" * 100_000 + '":{' + ",".join(['"b":1'] * 5_000) + "}}"),
        ("aliases of a long scalar", "POST", CONFIGMAPS, YAML,
         'kind: ConfigMap\nmetadata: {name: z}\nx: &x "' + "s" * 500_000 + '"\ny: [' + ",".join(["*x"] * 1_000) + "]"),
        ("nested anchors", "POST", CONFIGMAPS, YAML, "kind: ConfigMap\nmetadata: {name: z}\nx: " +
         "".join(f"&a{i} [" for i in range(55)) + "0," * 1_400_000 + "]" * 55),
        ("labels that are all wrong", "POST", CONFIGMAPS + "?dryRun=All", JSON,
         '{"metadata":{"name":"z","labels":{' + ",".join(f'"{i}_":"v v"' for i in range(100_000)) + "}}}"),
        ("a pod with 30,000 variables", "POST", "/api/v1/namespaces/hostile/pods?dryRun=All", JSON,
         json.dumps(pod([{"name": f"V{i}", "value": f"$(V{i - 1})"} for i in range(30_000)]))),
        ("a selector of 3,000 terms", "GET",
         CONFIGMAPS + "?labelSelector=" + ",".join(f"k{i}!=v" for i in range(3_000)), JSON, None),
    ]
    return [(name, method, path, media, body.encode() if body else None) for name, method, path, media, body in out]


def send(connection, method, path, media, body):
    connection.request(method, path, body, {"Content-Type": media})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def status_mb(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def prepare(api):
    connection = api.connect()
    connection.request("DELETE", "/api/v1/namespaces/hostile")
    connection.getresponse().read()
    while True:
        try:
            call(connection, "POST", "/api/v1/namespaces", {"metadata": {"name": "hostile"}})
            break
        except RuntimeError:  # the one of the run before is on its way out
            time.sleep(0.2)
    call(connection, "POST", CONFIGMAPS, {"metadata": {"name": "fat"}, "data": {f"{i:05x}": "" for i in range(MANY)}})
    call(connection, "POST", CONFIGMAPS, {"metadata": {"name": "wide"}, "data": {"k": "y" * 900_000}})
    call(connection, "POST", LEASE.rsplit("/", 1)[0], {"metadata": {"name": "beat"}, "spec": {"holderIdentity": "me"}})
    return connection


def unread(api, path):
    """A connection that asks and never reads, with a small window."""
    host, port = api.address.rsplit(":", 1)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect((host, int(port)))
    stream = api.context.wrap_socket(raw, server_hostname=host)
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return stream


def stranger(api):
    """No credential, a body that is announced and nearly all sent."""
    host, port = api.address.rsplit(":", 1)
    stream = ssl._create_unverified_context().wrap_socket(socket.create_connection((host, int(port))))
    stream.settimeout(5)
    try:
        stream.sendall(f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 3145728\r\n\r\n".encode() +
                       b"x" * 3_145_000)
    except OSError:
        pass
    return stream


class Prober(threading.Thread):
    """How long somebody else waits meanwhile."""

    def __init__(self, api, stop):
        super().__init__()
        self.api, self.stop, self.health, self.lease = api, stop, [], []

    def timed(self, into, *request):
        began = time.monotonic()
        status = send(self.connection, *request)
        into.append((time.monotonic() - began, status))

    def run(self):
        self.connection = self.api.connect()
        while not self.stop.is_set():
            self.timed(self.health, "GET", "/healthz", JSON, None)
            self.timed(self.lease, "PATCH", LEASE, MERGE, json.dumps(
                {"spec": {"leaseDurationSeconds": 1 + len(self.lease) % 60}}))
            self.stop.wait(0.05)


def attack(api, rounds, seed, bad, codes):
    chosen, bad = random.Random(seed), list(bad)
    for _ in range(rounds):
        chosen.shuffle(bad)
        for name, *request in bad:
            connection = api.connect()
            try:
                status = send(connection, *request)
            except (OSError, http.client.HTTPException) as failure:
                status = type(failure).__name__
            codes[(name, status)] = codes.get((name, status), 0) + 1
            connection.close()


def crowd(api, clients, rounds, bad):
    """All at once; returns the answers, and what the prober saw."""
    stop, codes = threading.Event(), {}
    prober = Prober(api, stop)
    kept = [unread(api, CONFIGMAPS + "?watch=1") for _ in range(8)]
    kept += [unread(api, CONFIGMAPS) for _ in range(8)]
    kept += [stranger(api) for _ in range(32)]
    prober.start()
    threads = [threading.Thread(target=attack, args=(api, rounds, seed, bad, codes)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    connection, number = api.connect(), 0
    while any(thread.is_alive() for thread in threads):
        number += 1
        send(connection, "PATCH", CONFIGMAPS + "/wide", MERGE, json.dumps({"data": {"k": str(number) * 200_000}}))
        time.sleep(0.1)
    stop.set()
    prober.join()
    for stream in kept:
        stream.close()
    return codes, prober


def waits(name, measured):
    times = sorted(seconds for seconds, _ in measured)
    failed = sum(status != 200 for _, status in measured)
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)]
    print(f"{name}: {len(times)} times, {failed} not 200, p50 {times[len(times) // 2] * 1e3:.0f} ms, "
          f"p99 {p99 * 1e3:.0f} ms, worst {times[-1] * 1e3:.0f} ms")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kubeconfig", required=True)
    options.add_argument("--pid", type=int, required=True)
    options.add_argument("--clients", type=int, default=64)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--settle", type=int, default=330, help="seconds to look at the memory afterwards; the "
                         "history of revisions is kept for 300")
    given = options.parse_args()
    api = Api(given.kubeconfig)
    before, anon = status_mb(given.pid, "VmRSS"), status_mb(given.pid, "RssAnon")
    print(f"before: {before:.0f} MB resident")
    admin = prepare(api)
    worst, bad = 0, inputs()
    for name, *request in bad:
        forget_peak(given.pid)
        began = time.monotonic()
        status = send(api.connect(), *request)
        took, peak = time.monotonic() - began, status_mb(given.pid, "VmHWM")
        worst = max(worst, peak)
        print(f"  {name}: {status}, {took * 1e3:.0f} ms, peak {peak:.0f} MB")
    forget_peak(given.pid)
    codes, prober = crowd(api, given.clients, given.rounds, bad)
    peak = status_mb(given.pid, "VmHWM")
    print(f"{given.clients} clients at once: peak {peak:.0f} MB")
    for (name, status), count in sorted(codes.items(), key=str):
        print(f"  {name}: {status} x {count}")
    waits("/healthz", prober.health)
    waits("a Lease", prober.lease)
    send(admin, "DELETE", "/api/v1/namespaces/hostile", JSON, None)
    after = {0: status_mb(given.pid, "VmRSS")}
    for second in range(given.settle):
        time.sleep(1)
        after[second + 1] = status_mb(given.pid, "VmRSS")
    print(f"resident: {before:.0f} MB before, {max(worst, peak):.0f} at the worst, afterwards " + ", ".join(
        f"{after[at]:.0f} ({at} s)" for at in (0, 10, 60, given.settle) if at in after) +
        f", {after[given.settle] / before:.2f} of before; of it no file's: {anon:.0f} MB before, "
        f"{status_mb(given.pid, 'RssAnon'):.0f} after")


if __name__ == "__main__":
    main()
