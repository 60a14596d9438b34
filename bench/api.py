"""What the Python benchmarks share: the API of a kubeconfig's server."""
import base64
import http.client
import json
import ssl
import subprocess
import tempfile


class Api:
    def __init__(self, kubeconfig):
        view = json.loads(subprocess.check_output(
            ["kubectl", "--kubeconfig", kubeconfig, "config", "view", "--raw", "-o", "json"]))
        cluster, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
        self.address = cluster["server"].split("//")[1]
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile("wb") as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pem.flush()
            self.context.load_cert_chain(pem.name)

    def connect(self):
        return http.client.HTTPSConnection(self.address, context=self.context)


def call(connection, method, path, body=None, kind="application/json"):
    connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
    answer = connection.getresponse()
    data = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {data[:300].decode()}")
    return json.loads(data)
