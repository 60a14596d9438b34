// For tests and benchmarks: a pod as clusters have them, with most of what a pod can say, as a server would store it.
#pragma once

#include <string_view>

namespace gantry::schema::testing {

inline constexpr std::string_view kSamplePod = R"json({
  "kind": "Pod", "apiVersion": "v1",
  "metadata": {
    "name": "shop-web-6d5f7c9b8-x2x7q", "generateName": "shop-web-6d5f7c9b8-", "namespace": "shop",
    "uid": "5a0c6f51-6f1b-4a53-9f0e-0a4c0c6d2f11", "resourceVersion": "812345", "generation": 3,
    "creationTimestamp": "2026-03-02T08:15:30Z",
    "labels": {"app": "web", "pod-template-hash": "6d5f7c9b8", "shop.example.com/tier": "front"},
    "annotations": {"shop.example.com/config-hash": "9f86d081884c7d65", "note": "quotes \" and <angles> & \u00fcml\u00e4ute"},
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-web-6d5f7c9b8",
      "uid": "0d2f9f0c-7a0e-4c0e-8a52-9e2d5d1f7a10", "controller": true, "blockOwnerDeletion": true}],
    "finalizers": ["shop.example.com/drain"],
    "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
      "time": "2026-03-02T08:15:30Z", "fieldsType": "FieldsV1",
      "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}]
  },
  "spec": {
    "volumes": [
      {"name": "config", "configMap": {"name": "web-config", "items": [{"key": "app.yaml", "path": "conf/app.yaml", "mode": 256}], "defaultMode": 420}},
      {"name": "tls", "secret": {"secretName": "web-tls", "defaultMode": 288, "optional": false}},
      {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
      {"name": "logs", "hostPath": {"path": "/var/log/shop", "type": "DirectoryOrCreate"}},
      {"name": "data", "persistentVolumeClaim": {"claimName": "web-data", "readOnly": true}},
      {"name": "info", "downwardAPI": {"items": [
        {"path": "labels", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "web", "resource": "limits.cpu", "divisor": "1m"}}], "defaultMode": 420}},
      {"name": "token", "projected": {"sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}],
        "defaultMode": 420}}
    ],
    "initContainers": [
      {"name": "migrate", "image": "registry.example.com/shop/migrate:2.4.1", "command": ["/bin/migrate"], "args": ["--to", "latest"],
       "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
       "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"},
      {"name": "proxy", "image": "registry.example.com/mesh/proxy@sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b",
       "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000, "protocol": "TCP"}],
       "startupProbe": {"tcpSocket": {"port": "admin"}, "timeoutSeconds": 1, "periodSeconds": 5, "successThreshold": 1, "failureThreshold": 12},
       "resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}
    ],
    "containers": [
      {"name": "web", "image": "registry.example.com/shop/web:7.1.0", "workingDir": "/srv",
       "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"name": "quic", "hostPort": 8443, "containerPort": 8443, "protocol": "UDP"}],
       "envFrom": [{"prefix": "DB_", "configMapRef": {"name": "db", "optional": true}}, {"secretRef": {"name": "keys"}}],
       "env": [
        {"name": "MODE", "value": "production"},
        {"name": "EMPTY"},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
        {"name": "APP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels['app']"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "web-config", "key": "level", "optional": true}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "web-keys", "key": "token"}}}],
       "resources": {"limits": {"cpu": "2", "memory": "1Gi", "example.com/gpu": "1"}, "requests": {"cpu": "250m", "memory": "512Mi", "example.com/gpu": "1"}},
       "volumeMounts": [
        {"name": "config", "readOnly": true, "mountPath": "/etc/web"},
        {"name": "tls", "readOnly": true, "mountPath": "/etc/tls"},
        {"name": "cache", "mountPath": "/var/cache/web", "subPath": "pages"},
        {"name": "logs", "mountPath": "/var/log/web", "mountPropagation": "HostToContainer", "subPathExpr": "$(POD_IP)"},
        {"name": "token", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
       "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP", "httpHeaders": [{"name": "X-Probe", "value": "live"}]},
         "initialDelaySeconds": 5, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3, "terminationGracePeriodSeconds": 10},
       "readinessProbe": {"exec": {"command": ["/bin/ready", "--quick"]}, "timeoutSeconds": 2, "periodSeconds": 5, "successThreshold": 2, "failureThreshold": 3},
       "startupProbe": {"grpc": {"port": 9090, "service": "health"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 30},
       "lifecycle": {"postStart": {"exec": {"command": ["/bin/warm"]}}, "preStop": {"sleep": {"seconds": 5}}},
       "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "FallbackToLogsOnError", "imagePullPolicy": "IfNotPresent",
       "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}, "privileged": false, "runAsUser": 1000, "runAsNonRoot": true,
         "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "seccompProfile": {"type": "RuntimeDefault"}}},
      {"name": "tail", "image": "registry.example.com/tools/tail", "resources": {}, "stdin": true, "tty": true,
       "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "Always"}
    ],
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 45, "dnsPolicy": "ClusterFirst",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "serviceAccountName": "web", "serviceAccount": "web", "automountServiceAccountToken": true, "nodeName": "node-1",
    "shareProcessNamespace": false,
    "securityContext": {"runAsUser": 1000, "runAsGroup": 3000, "fsGroup": 2000, "supplementalGroups": [4000, 5000], "fsGroupChangePolicy": "OnRootMismatch",
      "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}], "seccompProfile": {"type": "RuntimeDefault"}},
    "imagePullSecrets": [{"name": "registry"}],
    "hostname": "web-0", "subdomain": "web",
    "affinity": {
      "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
          {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b"]}, {"key": "example.com/slow", "operator": "DoesNotExist"}]}]},
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": {"matchExpressions": [{"key": "example.com/cores", "operator": "Gt", "values": ["4"]}]}}]},
      "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
        "labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}}]}},
    "schedulerName": "default-scheduler",
    "tolerations": [
      {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
      {"key": "dedicated", "value": "web", "effect": "NoSchedule"}, {"operator": "Exists", "effect": "PreferNoSchedule"}],
    "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["db.internal", "db"]}],
    "priorityClassName": "shop-critical", "priority": 1000,
    "dnsConfig": {"nameservers": ["10.0.0.53"], "searches": ["shop.example.com"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]},
    "readinessGates": [{"conditionType": "example.com/registered"}],
    "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority", "overhead": {"memory": "120Mi"},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
      "labelSelector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "pod-template-hash", "operator": "NotIn", "values": ["old"]}]}}],
    "os": {"name": "linux"}, "hostUsers": true
  },
  "status": {
    "observedGeneration": 3, "phase": "Running",
    "conditions": [
      {"type": "Ready", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-03-02T08:15:52Z"},
      {"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-03-02T08:15:30Z"}],
    "hostIP": "192.0.2.10", "hostIPs": [{"ip": "192.0.2.10"}], "podIP": "10.244.1.17", "podIPs": [{"ip": "10.244.1.17"}],
    "startTime": "2026-03-02T08:15:31Z",
    "initContainerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 0, "reason": "Completed",
        "startedAt": "2026-03-02T08:15:33Z", "finishedAt": "2026-03-02T08:15:36Z", "containerID": "oci://1f"}},
      "lastState": {}, "ready": true, "restartCount": 0, "image": "registry.example.com/shop/migrate:2.4.1", "imageID": "sha256:aa", "containerID": "oci://1f", "started": false}],
    "containerStatuses": [{"name": "web", "state": {"running": {"startedAt": "2026-03-02T08:15:40Z"}},
      "lastState": {"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled", "startedAt": null, "finishedAt": null}},
      "ready": true, "restartCount": 1, "image": "registry.example.com/shop/web:7.1.0", "imageID": "sha256:bb", "containerID": "oci://2f", "started": true}],
    "qosClass": "Burstable"
  }
})json";

}  // namespace gantry::schema::testing
