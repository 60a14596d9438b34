// What one pod costs the scheduling thread: reading it, and choosing among 1,000 nodes that have room, that lack it,
// and that carry taints and labels.
#include <benchmark/benchmark.h>

#include <string>

#include "core/scheduler/choose.hpp"

namespace gantry::scheduler {
namespace {

constexpr int kNodes = 1000;

corev1::Pod sample_pod(const std::string& cpu) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("default");
  pod.mutable_metadata()->set_name("sample");
  pod.mutable_metadata()->set_uid("uid");
  auto& requests = *pod.mutable_spec()->add_containers()->mutable_resources()->mutable_requests();
  requests["cpu"].set_string(cpu);
  requests["memory"].set_string("64Mi");
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    auto& toleration = *pod.mutable_spec()->add_tolerations();
    toleration.set_key(key);
    toleration.set_operator_("Exists");
    toleration.set_effect("NoExecute");
  }
  return pod;
}

corev1::Pod choosy_pod() {
  corev1::Pod pod = sample_pod("100m");
  (*pod.mutable_spec()->mutable_node_selector())["kubernetes.io/os"] = "linux";
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_node_affinity()
                    ->add_preferred_during_scheduling_ignored_during_execution();
  term.set_weight(10);
  auto& wanted = *term.mutable_preference()->add_match_expressions();
  wanted.set_key("zone");
  wanted.set_operator_("In");
  wanted.add_values("a");
  pod.mutable_spec()->mutable_containers(0)->add_ports()->set_host_port(8080);
  return pod;
}

NodeCache cluster() {
  NodeCache cache;
  for (int i = 0; i < kNodes; ++i) {
    corev1::Node node;
    node.mutable_metadata()->set_name("node-" + std::to_string(i));
    auto& labels = *node.mutable_metadata()->mutable_labels();
    labels["kubernetes.io/os"] = "linux";
    labels["kubernetes.io/hostname"] = node.metadata().name();
    labels["zone"] = i % 2 == 0 ? "a" : "b";
    auto& all = *node.mutable_status()->mutable_allocatable();
    all["cpu"].set_string("8");
    all["memory"].set_string("16Gi");
    all["pods"].set_string("110");
    if (i % 10 == 0) {
      auto& taint = *node.mutable_spec()->add_taints();
      taint.set_key("dedicated");
      taint.set_effect(i % 20 == 0 ? "NoSchedule" : "PreferNoSchedule");
    }
    cache.set_node(read_node(node));
  }
  return cache;
}

void choose_for(benchmark::State& state, const corev1::Pod& pod) {
  NodeCache cache = cluster();
  const auto waiting = read_waiting_pod(pod);
  size_t first = 0;
  for (auto _ : state) {
    const Choice choice = choose(*waiting, cache, first);
    first = (first + choice.looked) % cache.nodes().size();
    benchmark::DoNotOptimize(choice.node);
  }
}
void ChooseAmongRoomy(benchmark::State& state) { choose_for(state, sample_pod("100m")); }
void ChooseForChoosy(benchmark::State& state) { choose_for(state, choosy_pod()); }
void ChooseNone(benchmark::State& state) { choose_for(state, sample_pod("9")); }

void ReadWaitingPod(benchmark::State& state) {
  const corev1::Pod pod = choosy_pod();
  for (auto _ : state) benchmark::DoNotOptimize(read_waiting_pod(pod));
}

BENCHMARK(ChooseAmongRoomy);
BENCHMARK(ChooseForChoosy);
BENCHMARK(ChooseNone);
BENCHMARK(ReadWaitingPod);

}  // namespace
}  // namespace gantry::scheduler

BENCHMARK_MAIN();
