// The whole agent: what it says of pods that can't run, of ends, and of hooks.
#include "core/node/agent_fixture.hpp"
#include "gantry/text.hpp"

namespace gantry::node {
namespace {

class AgentWordsTest : public AgentTest {
 protected:
  void write_log(const std::string& records) {
    for (const auto& status : runtime_.containers()) std::ofstream(status.log_path(), std::ios::binary) << records;
  }
  static std::string record(const std::string& text) {
    return "2026-01-01T00:00:00.000000000Z stderr F " + text + "\n";
  }
  corev1::ContainerState state(const std::string& name) { return container_status(name).state(); }
  corev1::Pod with_post_start(const std::string& name, const std::vector<std::string>& containers) {
    auto pod = make_pod(name, containers);
    pod.mutable_spec()->mutable_containers(0)->mutable_lifecycle()->mutable_post_start()->mutable_exec()->add_command(
        "prepare");
    return pod;
  }
};

TEST_F(AgentWordsTest, AMessageFromALogThatIsNoTextEndsThePodAllTheSame) {
  auto pod = make_pod("p");
  pod.mutable_spec()->set_restart_policy("Never");
  pod.mutable_spec()->mutable_containers(0)->set_termination_message_policy("FallbackToLogsOnError");
  create(pod);
  const auto id = running_id();
  write_log(record("fichier introuvable \xE9t\xE9"));
  runtime_.end(id, 3);
  ASSERT_TRUE(wait_phase("p", "Failed")) << log();
  EXPECT_EQ(state("p").terminated().exit_code(), 3);
  EXPECT_EQ(state("p").terminated().message(), "fichier introuvable \xEF\xBF\xBDt\xEF\xBF\xBD\n");
}

TEST_F(AgentWordsTest, AMessageThatIsCutInsideACharacterIsText) {
  auto pod = make_pod("p");
  pod.mutable_spec()->mutable_containers(0)->set_termination_message_policy("FallbackToLogsOnError");
  create(pod);
  const auto id = running_id();
  std::string records, wide;
  for (int i = 0; i < 16; ++i) wide += "\xE7\xAC\xAC";
  for (int i = 0; i < 60; ++i) records += record("a" + wide);
  write_log(records);
  runtime_.end(id, 1);
  ASSERT_TRUE(until([&] { return container_status("p").restart_count() == 1; })) << log();
  const auto message = container_status("p").last_state().terminated().message();
  EXPECT_TRUE(is_utf8(message));
  EXPECT_GE(message.size(), 2048u);
}

TEST_F(AgentWordsTest, ANameThatNoImageCanHaveIsSaidAndNotPulled) {
  auto pod = make_pod("p");
  pod.mutable_spec()->mutable_containers(0)->set_image("${APP_IMAGE}:1");
  create(pod);
  ASSERT_TRUE(wait_reason("p", "InvalidImageName")) << log();
  const std::string message =
      "Failed to apply default image tag \"${APP_IMAGE}:1\": couldn't parse image name \"${APP_IMAGE}:1\": "
      "invalid reference format";
  EXPECT_EQ(state("p").waiting().message(), message);
  EXPECT_TRUE(has_event("InspectFailed: " + message));
  EXPECT_TRUE(has_event("Failed: Error: InvalidImageName"));
  EXPECT_EQ(runtime_.calls("pull_image"), 0);
  EXPECT_EQ(runtime_.calls("image_status"), 0);
}

TEST_F(AgentWordsTest, APostStartHookKeepsOnlyItsOwnPodWaiting) {
  runtime_.holds_execs = true;
  // More than the node has threads for pods.
  constexpr size_t kMany = 20;
  for (size_t i = 0; i < kMany; ++i) create(with_post_start("hooked-" + std::to_string(i), {"a", "b"}));
  ASSERT_TRUE(until([&] { return runtime_.execs() == kMany; })) << log();
  create(make_pod("free"));
  ASSERT_TRUE(wait_phase("free", "Running")) << log();
  // One container each, which does not count as running yet.
  EXPECT_EQ(runtime_.containers().size(), kMany + 1);
  EXPECT_TRUE(wait_reason("hooked-0", "ContainerCreating"));
  EXPECT_EQ(get("hooked-0")->status().phase(), "Pending");
  runtime_.end_execs(0);
  for (size_t i = 0; i < kMany; ++i) ASSERT_TRUE(wait_phase("hooked-" + std::to_string(i), "Running")) << log();
  EXPECT_EQ(runtime_.containers().size(), 2 * kMany + 1);
}

TEST_F(AgentWordsTest, AFailedPostStartHookEndsItsContainer) {
  create(with_post_start("p", {"a"}));  // execs end with 7 here
  ASSERT_TRUE(until([&] { return has_event("FailedPostStartHook: PostStartHook failed"); })) << log();
  ASSERT_TRUE(until([&] { return has_event("Killing: FailedPostStartHook"); })) << log();
  ASSERT_TRUE(until([&] { return container_status("p").restart_count() > 0; })) << log();
  EXPECT_FALSE(container_status("p").ready());
}

TEST_F(AgentWordsTest, APodIsDeletedDuringItsPostStartHook) {
  runtime_.holds_execs = true;
  create(with_post_start("p", {"a"}));
  ASSERT_TRUE(until([&] { return runtime_.execs() == 1; })) << log();
  remove("p", 5);
  EXPECT_TRUE(until([&] { return !get("p"); })) << log();
  EXPECT_TRUE(nothing_left()) << log();
  EXPECT_TRUE(until([&] { return runtime_.execs() == 0; }));
}

}  // namespace
}  // namespace gantry::node
