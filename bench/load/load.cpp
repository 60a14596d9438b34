#include "bench/load/load.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace gantry::bench {
namespace {

// A body is read and let go: gathering a list of 36 MB costs this client more than the server that sends it.
struct Answer {
  int code = 0;
  std::string error;
  void read(const std::string& piece) {
    if (code >= 300 && error.size() < 4096) error += piece;
  }
};

// The state of one run, shared by its clients.
struct Run {
  Bench& bench;
  const MakeRequest& make;
  LoadResult& result;
  const int64_t count;
  std::atomic<int64_t> next{0}, ended{0};
  std::mutex mutex;
  std::condition_variable done;

  void send() {
    const int64_t i = next.fetch_add(1);
    if (i >= count) return;
    const int64_t begin = now_us();
    const auto answer = std::make_shared<Answer>();
    client::RawStream stream;
    stream.head = [answer](int code, const http::Headers&) { answer->code = code; };
    stream.body = [answer](const std::string& piece) { answer->read(piece); };
    stream.done = [this, answer, begin](const Status& status) {
      result.latencies.add(now_us() - begin);
      if (!status.ok()) {
        note_failure(status.message());
      } else if (answer->code >= 300) {
        note_failure(answer->error);
      }
      send();
      if (ended.fetch_add(1) + 1 == count) {
        const std::lock_guard lock(mutex);
        done.notify_one();
      }
    };
    bench.remote->stream(make(i), std::move(stream));
  }
  void note_failure(const std::string& why) {
    const std::lock_guard lock(mutex);
    if (result.failed++ == 0) result.first_failure = why;
  }
};

}  // namespace

void run_load(Bench& bench, int64_t count, int64_t clients, const MakeRequest& make, LoadResult& result) {
  Run run{bench, make, result, count, {}, {}, {}, {}};
  const int64_t cpu = bench.server.cpu_us();
  const int64_t begin = now_us();
  for (int64_t i = 0; i < clients; ++i) run.send();
  {
    std::unique_lock lock(run.mutex);
    run.done.wait(lock, [&] { return run.ended.load() == count; });
  }
  result.elapsed_us = now_us() - begin;
  result.server_cpu_us = bench.server.cpu_us() - cpu;
}

void die(const std::string& why) {
  std::fprintf(stderr, "gantry-bench: %s\n", why.c_str());
  std::exit(1);
}

std::string must(Bench& bench, const http::Request& request) {
  auto answer = bench.remote->request(request);
  if (!answer) die(request.method + " " + request.path + ": " + answer.error().message());
  if (answer->code >= 300) die(request.method + " " + request.path + ": " + answer->body);
  return answer->body;
}

std::string pods_path(const Bench& bench) { return "/api/v1/namespaces/" + bench.settings.ns + "/pods"; }

void ensure_namespace(Bench& bench) {
  const auto& ns = bench.settings.ns;
  auto answer = bench.remote->request(client::raw_request(
      "POST", "/api/v1/namespaces", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + ns + "\"}}",
      "application/json"));
  if (!answer) die("cannot reach the server: " + answer.error().message());
  if (answer->code >= 300 && answer->code != 409) die("namespace " + ns + ": " + answer->body);
}

void delete_namespace(Bench& bench) {
  (void)bench.remote->request(
      client::raw_request("DELETE", pods_path(bench) + "?gracePeriodSeconds=0", {}, "application/json"));
  (void)bench.remote->request(client::raw_request("DELETE", "/api/v1/namespaces/" + bench.settings.ns));
}

std::string pod_json(const std::string& name, const std::string& ns, const std::string& extra_spec) {
  std::string env;
  for (int i = 0; i < 20; ++i) {
    env += (i == 0 ? "" : ",");
    env += R"({"name":"SETTING_)" + std::to_string(i) + R"(","value":"a value of some length for the bench )" +
           std::to_string(i) + "\"}";
  }
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","namespace":")" + ns +
         R"(","labels":{"app":"bench","tier":"backend","release":"stable"},"annotations":{"bench.gantry.dev/note":")" +
         std::string(400, 'n') + R"("}},"spec":{)" + extra_spec +
         R"("containers":[{"name":"main","image":"gantry.local/bench:1","command":["/bin/server","--listen=:8080"],)"
         R"("ports":[{"name":"http","containerPort":8080}],"env":[)" +
         env +
         R"(],"resources":{"requests":{"cpu":"10m","memory":"16Mi"},"limits":{"cpu":"100m","memory":"64Mi"}},)"
         R"("readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":5},)"
         R"("livenessProbe":{"httpGet":{"path":"/live","port":"http"}},)"
         R"("volumeMounts":[{"name":"config","mountPath":"/etc/app"},{"name":"data","mountPath":"/data"}]}],)"
         R"("volumes":[{"name":"config","configMap":{"name":"app"}},{"name":"data","emptyDir":{}}]}})";
}

std::string node_json(const std::string& name) {
  return R"({"apiVersion":"v1","kind":"Node","metadata":{"name":")" + name +
         R"(","labels":{"bench.gantry.dev/node":"true","kubernetes.io/hostname":")" + name +
         R"("}},"status":{"capacity":{"cpu":"32","memory":"128Gi","pods":"110"},)"
         R"("allocatable":{"cpu":"32","memory":"128Gi","pods":"110"},)"
         R"("conditions":[{"type":"Ready","status":"True","reason":"Bench","message":"exists on paper"}]}})";
}

}  // namespace gantry::bench
