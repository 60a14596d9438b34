// gantry-bench: a load client for any Kubernetes API server with a kubeconfig.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "bench/load/scenarios.hpp"
#include "core/client/https/kubeconfig.hpp"

namespace {

using namespace gantry::bench;
namespace options = boost::program_options;

void print_help(const options::options_description& known) {
  std::cout << "Usage: gantry-bench SCENARIO --kubeconfig FILE [options]\n\nScenarios:\n";
  for (const auto& scenario : scenarios()) {
    std::printf("  %-10s %s\n", std::string(scenario.name).c_str(), std::string(scenario.help).c_str());
  }
  std::cout << "\n" << known;
}

Settings read_settings(int argc, char** argv) {
  Settings s;
  options::options_description known("Options");
  known.add_options()("kubeconfig", options::value(&s.kubeconfig)->value_name("FILE"),
                      "server to load (default: $KUBECONFIG)")(
      "clients", options::value(&s.clients), "clients at once (default 1)")("count", options::value(&s.count),
                                                                            "operations, or objects (default 1000)")(
      "nodes", options::value(&s.nodes), "nodes of schedule (default 1000)")("watchers", options::value(&s.watchers),
                                                                             "watchers of watch (default 100)")(
      "replicas", options::value(&s.replicas), "replicas of deploy (default 1)")(
      "image", options::value(&s.image), "image of deploy")("namespace,n", options::value(&s.ns),
                                                            "made, filled and deleted (default gantry-bench)")(
      "pid", options::value(&s.pid), "the server's process (default: who listens on its port on this host)")(
      "json", options::bool_switch(&s.json), "print figures as JSON")("help,h", "print this and exit");
  options::options_description all = known;
  all.add_options()("scenario", options::value(&s.scenario));
  options::positional_options_description positional;
  positional.add("scenario", 1);
  options::variables_map given;
  try {
    options::store(options::command_line_parser(argc, argv).options(all).positional(positional).run(), given);
    options::notify(given);
  } catch (const std::exception& error) {
    die(std::string(error.what()) + "; try --help");
  }
  if (given.count("help") != 0) {
    print_help(known);
    std::exit(0);
  }
  if (s.scenario.empty()) die("which scenario? try --help");
  if (s.clients < 1 || s.count < 1) die("--clients and --count are at least 1");
  if (const char* env = std::getenv("KUBECONFIG"); s.kubeconfig.empty() && env != nullptr) s.kubeconfig = env;
  if (s.kubeconfig.empty()) die("--kubeconfig is needed");
  return s;
}

void print(const Settings& settings, const std::vector<Figure>& figures) {
  if (!settings.json) {
    for (const auto& figure : figures) {
      std::printf("%-34s %12.3f %s\n", figure.name.c_str(), figure.value, figure.unit.c_str());
    }
    return;
  }
  boost::json::object out;
  for (const auto& figure : figures) {
    out[figure.name + (figure.unit.empty() ? "" : " (" + figure.unit + ")")] = figure.value;
  }
  std::cout << boost::json::serialize(out) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench;
  bench.settings = read_settings(argc, argv);
  const Scenario* scenario = nullptr;
  for (const auto& known : scenarios()) {
    if (known.name == bench.settings.scenario) scenario = &known;
  }
  if (scenario == nullptr) die("no scenario \"" + bench.settings.scenario + "\"; try --help");
  auto config = gantry::client::read_kubeconfig(bench.settings.kubeconfig);
  if (!config) die(config.error().message());
  const auto colon = config->server.rfind(':');
  const int port = colon == std::string::npos ? 443 : std::atoi(config->server.c_str() + colon + 1);
  bench.server = Process(bench.settings.pid != 0 ? bench.settings.pid : Process::listening_on(port));
  gantry::client::RemoteOptions remote_options;
  remote_options.idle_connections = static_cast<size_t>(bench.settings.clients) + 64;
  auto remote = gantry::client::Remote::create(*config, remote_options);
  if (!remote) die(remote.error().message());
  bench.remote = *remote;
  ensure_namespace(bench);
  const auto figures = scenario->run(bench);
  delete_namespace(bench);
  print(bench.settings, figures);
  return 0;
}
