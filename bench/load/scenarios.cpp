#include "bench/load/scenarios.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include "bench/load/watches.hpp"

namespace gantry::bench {
namespace {

// Nobody schedules these: storage alone is measured.
constexpr const char* kUnscheduled = R"("schedulerName":"nobody",)";

std::vector<Figure> figures(Bench& bench, LoadResult& result, int64_t count) {
  if (result.failed > 0) {
    die(std::to_string(result.failed) + " of " + std::to_string(count) + " requests failed: " + result.first_failure);
  }
  std::vector<Figure> out{{"rate", 1e6 * static_cast<double>(count) / static_cast<double>(result.elapsed_us), "1/s"},
                          {"latency p50", static_cast<double>(result.latencies.percentile(0.5)) / 1000, "ms"},
                          {"latency p99", static_cast<double>(result.latencies.percentile(0.99)) / 1000, "ms"}};
  if (bench.server.known()) {
    out.push_back(
        {"server CPU each", static_cast<double>(result.server_cpu_us) / 1000 / static_cast<double>(count), "ms"});
    out.push_back({"server resident", static_cast<double>(bench.server.resident_kb()) / 1024, "MB"});
  }
  return out;
}

http::Request create_pod(const Bench& bench, const std::string& name, const std::string& extra) {
  return client::raw_request("POST", pods_path(bench), pod_json(name, bench.settings.ns, extra), "application/json");
}

std::string pod_name(int64_t i) { return "pod-" + std::to_string(i); }

void fill(Bench& bench, int64_t count) {
  LoadResult ignored;
  run_load(
      bench, count, 32, [&](int64_t i) { return create_pod(bench, pod_name(i), kUnscheduled); }, ignored);
  if (ignored.failed > 0) die("filling: " + ignored.first_failure);
}

std::vector<Figure> create(Bench& bench) {
  LoadResult result;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) { return create_pod(bench, pod_name(i), kUnscheduled); }, result);
  return figures(bench, result, bench.settings.count);
}

std::vector<Figure> get(Bench& bench) {
  fill(bench, 100);
  LoadResult result;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) { return client::raw_request("GET", pods_path(bench) + "/" + pod_name(i % 100)); }, result);
  return figures(bench, result, bench.settings.count);
}

std::vector<Figure> list(Bench& bench) {
  fill(bench, bench.settings.count);
  const auto body = must(bench, client::raw_request("GET", pods_path(bench)));
  LoadResult result;
  run_load(
      bench, 20, bench.settings.clients, [&](int64_t) { return client::raw_request("GET", pods_path(bench)); }, result);
  auto out = figures(bench, result, 20);
  out.push_back({"body", static_cast<double>(body.size()) / 1e6, "MB"});
  return out;
}

std::vector<Figure> patch(Bench& bench) {
  fill(bench, 100);
  LoadResult result;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) {
        return client::raw_request(
            "PATCH", pods_path(bench) + "/" + pod_name(i % 100),
            R"({"metadata":{"annotations":{"bench.gantry.dev/turn":")" + std::to_string(i) + "\"}}}",
            "application/merge-patch+json");
      },
      result);
  return figures(bench, result, bench.settings.count);
}

std::vector<Figure> watch(Bench& bench) {
  const auto version = [&] {
    const auto body = boost::json::parse(must(bench, client::raw_request("GET", pods_path(bench) + "?limit=1")));
    return std::string(body.at("metadata").at("resourceVersion").as_string());
  }();
  auto watches = std::make_unique<Watches>(bench, bench.settings.watchers, [&](int64_t) {
    return pods_path(bench) + "?watch=true&resourceVersion=" + version;
  });
  const int64_t cpu = bench.server.cpu_us();
  LoadResult created;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) { return create_pod(bench, pod_name(i), kUnscheduled); }, created);
  if (created.failed > 0) die("creating: " + created.first_failure);
  const int64_t events = bench.settings.count * bench.settings.watchers;
  watches->wait(events);
  const int64_t with_watchers = bench.server.cpu_us() - cpu;
  watches.reset();
  // The same creations without watchers, to take their cost away.
  LoadResult alone;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) { return create_pod(bench, "alone-" + std::to_string(i), kUnscheduled); }, alone);
  return {{"events", static_cast<double>(events), ""},
          {"server CPU an event and watcher",
           static_cast<double>(with_watchers - alone.server_cpu_us) / static_cast<double>(events), "us"}};
}

// All go to ten nodes that are watched: however many others are, as many events are sent.
std::vector<Figure> bind(Bench& bench) {
  constexpr int64_t kNodes = 10;
  fill(bench, bench.settings.count);
  const auto node = [](int64_t i) { return "watched-" + std::to_string(i); };
  Watches watches(bench, std::max(kNodes, bench.settings.watchers),
                  [&](int64_t i) { return "/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3D" + node(i); });
  LoadResult bound;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) {
        return client::raw_request("POST", pods_path(bench) + "/" + pod_name(i) + "/binding",
                                   R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":")" + pod_name(i) +
                                       R"("},"target":{"kind":"Node","name":")" + node(i % kNodes) + "\"}}",
                                   "application/json");
      },
      bound);
  if (bound.failed == 0) watches.wait(bench.settings.count);
  return figures(bench, bound, bench.settings.count);
}

void make_nodes(Bench& bench) {
  LoadResult made, told;
  const auto name = [](int64_t i) { return "bench-" + std::to_string(i); };
  run_load(
      bench, bench.settings.nodes, 16,
      [&](int64_t i) { return client::raw_request("POST", "/api/v1/nodes", node_json(name(i)), "application/json"); },
      made);
  run_load(
      bench, bench.settings.nodes, 16,
      [&](int64_t i) {
        return client::raw_request("PATCH", "/api/v1/nodes/" + name(i) + "/status", node_json(name(i)),
                                   "application/merge-patch+json");
      },
      told);
  if (told.failed > 0) die("nodes: " + told.first_failure);
}

// Creates --count pods and waits until a watch with this selector has seen them all.
std::vector<Figure> pods_until(Bench& bench, const std::string& selector, const std::string& extra_spec,
                               const std::string& what) {
  Arrivals arrivals(bench, selector);
  const int64_t cpu = bench.server.cpu_us();
  const int64_t begin = now_us();
  LoadResult created;
  run_load(
      bench, bench.settings.count, bench.settings.clients,
      [&](int64_t i) { return create_pod(bench, pod_name(i), extra_spec); }, created);
  if (created.failed > 0) die("creating: " + created.first_failure);
  arrivals.wait(bench.settings.count);
  const double seconds = static_cast<double>(now_us() - begin) / 1e6;
  const double used = static_cast<double>(bench.server.cpu_us() - cpu) / 1000;
  return {{"rate, create to " + what, static_cast<double>(bench.settings.count) / seconds, "1/s"},
          {"all " + what, seconds, "s"},
          {"server CPU each", used / static_cast<double>(bench.settings.count), "ms"},
          {"server resident", static_cast<double>(bench.server.resident_kb()) / 1024, "MB"}};
}

std::vector<Figure> schedule(Bench& bench) {
  make_nodes(bench);
  auto out = pods_until(bench, "spec.nodeName!%3D", R"("nodeSelector":{"bench.gantry.dev/node":"true"},)", "bound");
  for (int64_t i = 0; i < bench.settings.nodes; ++i) {
    (void)bench.remote->request(client::raw_request("DELETE", "/api/v1/nodes/bench-" + std::to_string(i)));
  }
  return out;
}

std::vector<Figure> run(Bench& bench) { return pods_until(bench, "status.phase%3DRunning", "", "running"); }

// A Deployment to available replicas, by a watch on it.
int64_t deploy_once(Bench& bench, int64_t turn) {
  const std::string path = "/apis/apps/v1/namespaces/" + bench.settings.ns + "/deployments";
  const std::string name = "deploy-" + std::to_string(turn);
  const std::string body = R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":")" + name +
                           R"("},"spec":{"replicas":)" + std::to_string(bench.settings.replicas) +
                           R"(,"selector":{"matchLabels":{"app":")" + name +
                           R"("}},"template":{"metadata":{"labels":{"app":")" + name +
                           R"("}},"spec":{"terminationGracePeriodSeconds":0,"containers":[{"name":"main","image":")" +
                           bench.settings.image + R"(","command":["/bin/sleep","100000"]}]}}}})";
  std::mutex mutex;
  std::condition_variable changed;
  std::string rest;
  bool available = false;
  client::RawStream stream;
  const std::string wanted = "\"availableReplicas\":" + std::to_string(bench.settings.replicas);
  stream.body = [&](std::string piece) {
    const std::lock_guard lock(mutex);
    rest += piece;
    available = available || rest.find(wanted) != std::string::npos;
    rest.erase(0, rest.rfind('\n') + 1);
    changed.notify_one();
  };
  stream.done = [](const Status&) {};
  const int64_t begin = now_us();
  must(bench, client::raw_request("POST", path, body, "application/json"));
  const auto end = bench.remote->stream(
      client::raw_request("GET", path + "?watch=true&fieldSelector=metadata.name%3D" + name), std::move(stream));
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return available; });
  }
  const int64_t took = now_us() - begin;
  end();
  must(bench, client::raw_request("DELETE", path + "/" + name));
  return took;
}

// Sum and count of the server's histograms of this name, by their labels.
std::map<std::string, std::pair<double, double>> histogram(Bench& bench, const std::string& name) {
  std::map<std::string, std::pair<double, double>> out;
  std::istringstream lines(must(bench, client::raw_request("GET", "/metrics")));
  for (std::string line; std::getline(lines, line);) {
    for (const bool sum : {true, false}) {
      const std::string head = name + (sum ? "_sum{" : "_count{");
      const auto end = line.rfind("} ");
      if (!line.starts_with(head) || end == std::string::npos) continue;
      auto& found = out[line.substr(head.size(), end - head.size())];
      (sum ? found.first : found.second) = std::stod(line.substr(end + 2));
    }
  }
  return out;
}

// What the parts of a pod's start took on average: calls into the plugins, and within them the OCI runtime.
class StartParts {
 public:
  explicit StartParts(Bench& bench) : bench_(bench), before_(now()) {}
  void add_to(std::vector<Figure>& figures) {
    const auto after = now();
    for (const auto& [name, value] : after) {
      const double seconds = value.first - before_[name].first, count = value.second - before_[name].second;
      if (count > 0) figures.push_back({"  " + name + " mean", 1000 * seconds / count, "ms"});
    }
  }

 private:
  std::map<std::string, std::pair<double, double>> now() {
    constexpr std::pair<const char*, const char*> kNames[] = {
        {"runtime", "kubelet_runtime_operations_duration_seconds"},
        {"network", "gantry_network_operations_duration_seconds"},
        {"OCI runtime", "gantry_oci_runtime_duration_seconds"}};
    std::map<std::string, std::pair<double, double>> out;
    for (const auto& [who, metric] : kNames) {
      for (const auto& [labels, value] : histogram(bench_, metric)) {
        for (const char* part : {"run_podsandbox", "create_container", "start_container", "\"add\"", "command="}) {
          if (labels.find(part) != std::string::npos) out[std::string(who) + " " + labels] = value;
        }
      }
    }
    return out;
  }
  Bench& bench_;
  std::map<std::string, std::pair<double, double>> before_;
};

std::vector<Figure> deploy(Bench& bench) {
  StartParts parts(bench);
  Latencies latencies;
  for (int64_t i = 0; i < bench.settings.count; ++i) latencies.add(deploy_once(bench, i));
  std::vector<Figure> figures = {
      {"created to available p50", static_cast<double>(latencies.percentile(0.5)) / 1000, "ms"},
      {"created to available p99", static_cast<double>(latencies.percentile(0.99)) / 1000, "ms"}};
  parts.add_to(figures);
  return figures;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"create", "create --count pods from --clients clients", &create},
      {"get", "read one of 100 pods, --count times", &get},
      {"list", "list --count pods as JSON, 20 times", &list},
      {"patch", "merge-patch one of 100 pods, --count times", &patch},
      {"watch", "deliver --count events to --watchers watchers", &watch},
      {"bind", "bind --count pods to ten nodes, while the pods of --watchers nodes are watched", &bind},
      {"schedule", "schedule --count pods over --nodes nodes that exist on paper", &schedule},
      {"run", "--count pods to running on the nodes that are there, such as those of plugins/runtime/sim", &run},
      {"deploy", "a Deployment of --replicas pods to available, --count times, one after the other", &deploy}};
  return all;
}

}  // namespace gantry::bench
