#include "core/scheduler/filters.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/messages.hpp"

namespace gantry::scheduler {
namespace {

using Reasons = std::vector<std::string>;

corev1::Pod pod_with(const std::string& cpu, const std::string& memory) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name("p");
  pod.mutable_metadata()->set_uid("u");
  auto& requests = *pod.mutable_spec()->add_containers()->mutable_resources()->mutable_requests();
  if (!cpu.empty()) requests["cpu"].set_string(cpu);
  if (!memory.empty()) requests["memory"].set_string(memory);
  return pod;
}

NodeState node_with(const std::string& cpu, const std::string& memory, const std::string& pods = "110") {
  corev1::Node node;
  node.mutable_metadata()->set_name("n");
  (*node.mutable_metadata()->mutable_labels())["zone"] = "a";
  (*node.mutable_metadata()->mutable_labels())["cores"] = "8";
  auto& free = *node.mutable_status()->mutable_allocatable();
  free["cpu"].set_string(cpu);
  free["memory"].set_string(memory);
  free["pods"].set_string(pods);
  NodeState state;
  state.facts = read_node(node);
  state.present = true;
  return state;
}

TEST(Filters, Resources) {
  const auto node = node_with("2", "1Gi");
  EXPECT_EQ(reasons_against(*read_pod(pod_with("2", "1Gi")), node), Reasons{});
  EXPECT_EQ(reasons_against(*read_pod(pod_with("2001m", "")), node), Reasons{"Insufficient cpu"});
  EXPECT_EQ(reasons_against(*read_pod(pod_with("3", "2Gi")), node),
            (Reasons{"Insufficient cpu", "Insufficient memory"}));
  EXPECT_EQ(reasons_against(*read_pod(pod_with("", "")), node_with("1", "1Gi", "0")), Reasons{"Too many pods"});
  auto gpu = pod_with("", "");
  (*gpu.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["x.io/gpu"].set_string("1");
  EXPECT_EQ(reasons_against(*read_pod(gpu), node), Reasons{"Insufficient x.io/gpu"});
}

TEST(Filters, TaintsAndTolerations) {
  auto node = node_with("1", "1Gi");
  corev1::Taint taint;
  taint.set_key("dedicated");
  taint.set_value("gpu");
  taint.set_effect("NoSchedule");
  node.facts.taints = {taint};
  struct Case {
    std::string key, op, value, effect;
    bool fits;
  };
  const Case cases[] = {
      {"dedicated", "Equal", "gpu", "NoSchedule", true},
      {"dedicated", "", "gpu", "", true},
      {"dedicated", "Equal", "cpu", "", false},
      {"dedicated", "Exists", "", "", true},
      {"", "Exists", "", "", true},
      {"other", "Exists", "", "", false},
      {"dedicated", "Exists", "", "NoExecute", false},
      {"dedicated", "Gt", "1", "", false},
  };
  for (const auto& c : cases) {
    auto pod = pod_with("", "");
    auto& toleration = *pod.mutable_spec()->add_tolerations();
    toleration.set_key(c.key);
    toleration.set_operator_(c.op);
    toleration.set_value(c.value);
    toleration.set_effect(c.effect);
    EXPECT_EQ(reasons_against(*read_pod(pod), node).empty(), c.fits) << c.key << c.op << c.value << c.effect;
  }
  EXPECT_EQ(reasons_against(*read_pod(pod_with("", "")), node), Reasons{"node(s) had untolerated taint(s)"});
  node.facts.taints[0].set_effect("PreferNoSchedule");
  EXPECT_TRUE(reasons_against(*read_pod(pod_with("", "")), node).empty());
  EXPECT_EQ(intolerable_prefer_taints(*read_pod(pod_with("", "")), node), 1);
}

TEST(Filters, UnschedulableNodes) {
  auto node = node_with("1", "1Gi");
  node.facts.unschedulable = true;
  auto pod = pod_with("", "");
  EXPECT_EQ(reasons_against(*read_pod(pod), node), Reasons{"node(s) were unschedulable"});
  auto& toleration = *pod.mutable_spec()->add_tolerations();
  toleration.set_key("node.kubernetes.io/unschedulable");
  toleration.set_operator_("Exists");
  EXPECT_TRUE(reasons_against(*read_pod(pod), node).empty());
}

TEST(Filters, NodeSelectorAndAffinity) {
  const auto node = node_with("1", "1Gi");
  const Reasons mismatch{"node(s) didn't match Pod's node affinity/selector"};
  auto pod = pod_with("", "");
  (*pod.mutable_spec()->mutable_node_selector())["zone"] = "a";
  EXPECT_TRUE(reasons_against(*read_pod(pod), node).empty());
  (*pod.mutable_spec()->mutable_node_selector())["zone"] = "b";
  EXPECT_EQ(reasons_against(*read_pod(pod), node), mismatch);
  struct Case {
    std::string key, op;
    std::vector<std::string> values;
    bool fits;
  };
  const Case cases[] = {
      {"zone", "In", {"a", "b"}, true}, {"zone", "NotIn", {"a"}, false}, {"none", "NotIn", {"a"}, true},
      {"zone", "Exists", {}, true},     {"none", "Exists", {}, false},   {"none", "DoesNotExist", {}, true},
      {"cores", "Gt", {"4"}, true},     {"cores", "Gt", {"8"}, false},   {"cores", "Lt", {"9"}, true},
      {"zone", "Gt", {"1"}, false},     {"cores", "Gt", {"x"}, false},   {"zone", "Odd", {"a"}, false}};
  for (const auto& c : cases) {
    auto wanted = pod_with("", "");
    auto& requirement = *wanted.mutable_spec()
                             ->mutable_affinity()
                             ->mutable_node_affinity()
                             ->mutable_required_during_scheduling_ignored_during_execution()
                             ->add_node_selector_terms()
                             ->add_match_expressions();
    requirement.set_key(c.key);
    requirement.set_operator_(c.op);
    for (const auto& value : c.values) requirement.add_values(value);
    EXPECT_EQ(reasons_against(*read_pod(wanted), node).empty(), c.fits) << c.key << " " << c.op;
  }
  auto by_name = pod_with("", "");
  auto* terms = by_name.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_node_affinity()
                    ->mutable_required_during_scheduling_ignored_during_execution();
  terms->add_node_selector_terms();  // an empty term matches nothing
  EXPECT_EQ(reasons_against(*read_pod(by_name), node), mismatch);
  auto& field = *terms->add_node_selector_terms()->add_match_fields();
  field.set_key("metadata.name");
  field.set_operator_("In");
  field.add_values("n");
  EXPECT_TRUE(reasons_against(*read_pod(by_name), node).empty());
}

TEST(Filters, HostPorts) {
  auto node = node_with("1", "1Gi");
  node.ports.add({"0.0.0.0", "TCP", 80});
  node.ports.add({"127.0.0.1", "UDP", 53});
  const auto fits = [&](const std::string& ip, const std::string& protocol, int port) {
    auto pod = pod_with("", "");
    auto& wanted = *pod.mutable_spec()->mutable_containers(0)->add_ports();
    wanted.set_host_ip(ip);
    wanted.set_protocol(protocol);
    wanted.set_host_port(port);
    return reasons_against(*read_pod(pod), node).empty();
  };
  EXPECT_FALSE(fits("", "TCP", 80));
  EXPECT_FALSE(fits("10.0.0.1", "TCP", 80));
  EXPECT_TRUE(fits("", "UDP", 80));
  EXPECT_FALSE(fits("", "UDP", 53));
  EXPECT_TRUE(fits("127.0.0.2", "UDP", 53));
  node.ports.add({"0.0.0.0", "TCP", 80});
  node.ports.remove({"0.0.0.0", "TCP", 80});
  EXPECT_FALSE(fits("", "TCP", 80)) << "another pod has it still";
  node.ports.remove({"0.0.0.0", "TCP", 80});
  EXPECT_TRUE(fits("", "TCP", 80));
}

// Each times each would take minutes.
constexpr int kVeryMany = 200'000;

TEST(Filters, VeryManyTaintsAndTolerations) {
  auto node = node_with("1", "1Gi");
  auto pod = pod_with("", "");
  for (int i = 0; i < kVeryMany; ++i) {
    auto& taint = node.facts.taints.emplace_back();
    taint.set_key(i % 2 == 0 ? "key" : "key" + std::to_string(i));
    taint.set_value("value" + std::to_string(i));
    taint.set_effect(i % 3 == 0 ? "PreferNoSchedule" : "NoSchedule");
    auto& toleration = *pod.mutable_spec()->add_tolerations();
    toleration.set_key(taint.key());
    toleration.set_value(taint.value());
    toleration.set_effect(i % 5 == 0 ? "" : taint.effect());
  }
  EXPECT_EQ(reasons_against(*read_pod(pod), node), Reasons{});
  EXPECT_EQ(intolerable_prefer_taints(*read_pod(pod), node), 0);
  node.facts.taints.back().set_value("another");
  node.facts.taints.front().set_value("another");
  EXPECT_EQ(reasons_against(*read_pod(pod), node), Reasons{"node(s) had untolerated taint(s)"});
  EXPECT_EQ(intolerable_prefer_taints(*read_pod(pod), node), 1);
}

TEST(Filters, VeryManyHostPorts) {
  corev1::Pod first = pod_with("", "");
  for (int i = 0; i < kVeryMany; ++i) {
    auto& port = *first.mutable_spec()->mutable_containers(0)->add_ports();
    port.set_host_ip("10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
                     std::to_string(i & 255));
    port.set_host_port(80);
  }
  corev1::Pod second = first;
  for (auto& port : *second.mutable_spec()->mutable_containers(0)->mutable_ports()) port.set_host_port(81);
  const auto has = read_pod(first), wants = read_pod(second);
  NodeCache cache;
  cache.set_node(node_with("1", "1Gi").facts);
  cache.add_pod(has, "n");
  EXPECT_EQ(reasons_against(*wants, *cache.nodes()[0]), Reasons{});
  EXPECT_EQ(reasons_against(*has, *cache.nodes()[0]),
            Reasons{"node(s) didn't have free ports for the requested pod ports"});
  EXPECT_TRUE(cache.remove_pod("u"));
  EXPECT_EQ(reasons_against(*has, *cache.nodes()[0]), Reasons{});
}

TEST(Filters, VeryManyResources) {
  corev1::Node node;
  node.mutable_metadata()->set_name("n");
  (*node.mutable_status()->mutable_allocatable())["pods"].set_string("110");
  auto pod = pod_with("", "");
  const auto name = [](int i) { return "example.com/resource-" + std::to_string(kVeryMany + i); };
  for (int i = 0; i < kVeryMany / 2; ++i) {
    (*node.mutable_status()->mutable_allocatable())[name(i)].set_string("1");
    (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())[name(i)].set_string("1");
  }
  const auto info = read_pod(pod);
  NodeCache cache;
  cache.set_node(read_node(node));
  EXPECT_EQ(reasons_against(*info, *cache.nodes()[0]), Reasons{});
  cache.add_pod(info, "n");
  EXPECT_EQ(reasons_against(*info, *cache.nodes()[0]).size(), static_cast<size_t>(kVeryMany / 2));
  EXPECT_TRUE(cache.remove_pod("u"));
  EXPECT_TRUE(cache.nodes()[0]->requested.others.empty()) << "nothing stays of a pod that went";
}

TEST(Scores, PreferTheEmptierAndTheBalancedNode) {
  auto full = node_with("4", "4Gi"), empty = node_with("4", "4Gi"), lopsided = node_with("4", "4Gi");
  const auto pod = read_pod(pod_with("1", "1Gi"));
  full.requested.milli_cpu = full.scored.milli_cpu = 3000;
  full.requested.memory = full.scored.memory = 3LL << 30;
  lopsided.requested.milli_cpu = lopsided.scored.milli_cpu = 3000;
  EXPECT_EQ(least_allocated_score(*pod, empty), 75);
  EXPECT_EQ(least_allocated_score(*pod, full), 0);
  EXPECT_EQ(balanced_allocation_score(*pod, empty), 100);
  EXPECT_EQ(balanced_allocation_score(*pod, lopsided), 62);
  const std::vector<const NodeState*> all{&full, &lopsided, &empty};
  EXPECT_EQ(pick_best(*pod, all, 0), 2u);
}

TEST(Messages, FitErrorCountsAndSorts) {
  EXPECT_EQ(fit_error(3, {{"Insufficient cpu", 2}, {"Too many pods", 1}}),
            "0/3 nodes are available: 1 Too many pods, 2 Insufficient cpu.");
}

}  // namespace
}  // namespace gantry::scheduler
