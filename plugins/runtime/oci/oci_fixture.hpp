// A runtime with real conmon, runc, overlayfs and cgroups for tests: run as root. Every test has folders and a cgroup
// of its own; at its end nothing may be left of it on the machine.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "mounts.hpp"
#include "runtime.hpp"
#include "test_image.hpp"

namespace gantry::oci::test {

using namespace std::chrono_literals;

// A host with folders, a real clock and nothing else.
struct FakeHost {
  explicit FakeHost(fs::path at) : base(std::move(at)) {
    host = {
        sizeof(gantry_host), 1, 0, this, [](const gantry_host*, const char* id) -> const void* {
          static constexpr gantry_config config = {
              sizeof(gantry_config),
              [](const gantry_host* self, gantry_slice key, gantry_buffer* value, gantry_buffer*) -> gantry_code {
                if (to_view(key) != "cgroup_parent") return 404;
                fill_buffer(value, static_cast<FakeHost*>(self->context)->cgroup);
                return 0;
              },
              [](const gantry_host* self, gantry_slice key, int64_t* value, gantry_buffer*) -> gantry_code {
                if (to_view(key) != "log_size_max") return 404;
                *value = static_cast<FakeHost*>(self->context)->log_size_max;
                return 0;
              },
              [](const gantry_host*, gantry_slice, int32_t*, gantry_buffer*) -> gantry_code { return 404; },
              [](const gantry_host*, gantry_slice, gantry_buffer*, gantry_buffer*) -> gantry_code { return 404; },
              [](const gantry_host* self, gantry_slice key, gantry_buffer* value, gantry_buffer*) -> gantry_code {
                const auto& folder = static_cast<FakeHost*>(self->context)->base;
                if (to_view(key) == "libexec_dir") {
                  fill_buffer(value, GANTRY_LIBEXEC);
                } else if (to_view(key) == "data_dir" || to_view(key) == "run_dir") {
                  fill_buffer(value, (folder / to_view(key)).string());
                } else {
                  return 404;
                }
                return 0;
              }};
          static constexpr gantry_clock clock = {
              sizeof(gantry_clock),
              [](const gantry_host*) -> int64_t { return std::chrono::system_clock::now().time_since_epoch().count(); },
              [](const gantry_host*) -> int64_t {
                return std::chrono::steady_clock::now().time_since_epoch().count();
              }};
          if (std::string_view(id) == GANTRY_CLOCK_ID) return &clock;
          return std::string_view(id) == GANTRY_CONFIG_ID ? &config : nullptr;
        }};
  }
  fs::path base;
  std::string cgroup;
  int64_t log_size_max = 0;
  gantry_host host{};
};

// Who waits for events of the runtime.
struct Events {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<std::string, std::string>> seen;
  static void sink(void* self, gantry_slice sandbox, gantry_slice container) {
    auto& events = *static_cast<Events*>(self);
    const std::scoped_lock lock(events.mutex);
    events.seen.emplace_back(to_view(sandbox), to_view(container));
    events.changed.notify_all();
  }
  bool wait_for(const std::string& sandbox, const std::string& container) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s,
                            [&] { return std::ranges::find(seen, std::pair(sandbox, container)) != seen.end(); });
  }
};

// Everything is spoken through the table, bytes and all, as the host does.
class OciTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    id_ = random_id().substr(0, 12);
    base_ = fs::temp_directory_path() / ("gantry-oci-" + id_);
    fs::create_directories(base_);
    host_ = std::make_unique<FakeHost>(base_);
    host_->cgroup = "/gantry-test-" + id_;
    start();
    import(busybox_image());
  }
  void TearDown() override {
    if (host_ == nullptr) return;
    if (runtime_ != nullptr) {
      for (const auto& sandbox : list_sandboxes()) remove_sandbox(sandbox.id());
    }
    stop();
    expect_nothing_left();
    fs::remove_all(base_);
  }
  void start() {
    auto made = Runtime::create(sdk::Host(&host_->host));
    ASSERT_TRUE(made.ok()) << made.error().message();
    runtime_ = std::move(*made);
    table_ = static_cast<const gantry_runtime*>(runtime_->get_interface(GANTRY_RUNTIME_ID));
    table_->set_event_sink(runtime_.get(), &Events::sink, &events_);
  }
  void stop() {
    if (runtime_ == nullptr) return;
    table_->set_event_sink(runtime_.get(), nullptr, nullptr);
    runtime_.reset();
  }
  // A daemon that ended and one that takes its place.
  void restart() {
    stop();
    start();
  }
  void expect_nothing_left() {
    const auto mounts = read_file("/proc/self/mounts");
    ASSERT_TRUE(mounts.ok());
    EXPECT_EQ(mounts->find(base_.string()), std::string::npos) << *mounts;
    EXPECT_FALSE(Cgroups::of_host().exists(host_->cgroup));
    EXPECT_TRUE(fs::is_empty(base_ / "run_dir" / "netns"));
    EXPECT_TRUE(fs::is_empty(base_ / "run_dir" / "oci"));
    for (const auto& maker : fs::directory_iterator(base_ / "run_dir" / "exec"))
      EXPECT_TRUE(fs::is_empty(maker.path()));
    EXPECT_TRUE(fs::is_empty(base_ / "data_dir" / "containers"));
    EXPECT_TRUE(fs::is_empty(base_ / "data_dir" / "sandboxes"));
    EXPECT_EQ(processes_of_test(), "");
  }
  // Command lines that name this test's folders: conmon, pause, runc.
  std::string processes_of_test() {
    std::string found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const auto line = read_file(entry.path() / "cmdline");
      if (line && line->find(base_.string()) != std::string::npos &&
          alive(process_of(std::atoi(entry.path().filename().c_str())))) {
        found += *line + "\n";
      }
    }
    return found;
  }

  template <typename Response, typename Request>
  Expected<Response> call(gantry_runtime_verb verb, const Request& request) {
    Buffer response, error;
    const auto code = verb(runtime_.get(), to_slice(request.SerializeAsString()), response.out(), error.out());
    if (code != 0) return status_of(code, error.view());
    Response out;
    EXPECT_TRUE(out.ParseFromArray(response.view().data(), static_cast<int>(response.view().size())));
    return out;
  }
  Expected<cri::ImportImageResponse> import_archive(const std::string& bytes, const std::string& name = {}) {
    const auto file = memory_file(bytes);
    cri::ImportImageRequest request;
    request.set_name(name);
    Buffer response, error;
    const auto code = table_->import_image(runtime_.get(), file.get(), to_slice(request.SerializeAsString()),
                                           response.out(), error.out());
    if (code != 0) return status_of(code, error.view());
    cri::ImportImageResponse out;
    EXPECT_TRUE(out.ParseFromArray(response.view().data(), static_cast<int>(response.view().size())));
    return out;
  }
  void import(const ImageSpec& image) {
    const auto imported = import_archive(tar(oci_layout(image)));
    ASSERT_TRUE(imported.ok()) << imported.error().message();
  }

  cri::PodSandboxConfig pod(const std::string& name = "pod") {
    cri::PodSandboxConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_metadata()->set_namespace_("default");
    config.mutable_metadata()->set_uid("uid-" + name);
    config.set_hostname("host-" + name);
    config.set_log_directory((base_ / "logs" / name).string());
    (*config.mutable_labels())["app"] = name;
    config.mutable_linux()->set_cgroup_parent(host_->cgroup);
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
    return config;
  }
  std::string run_sandbox(const cri::PodSandboxConfig& config) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    const auto out = call<cri::RunPodSandboxResponse>(table_->run_pod_sandbox, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
    return out ? out->pod_sandbox_id() : "";
  }
  void stop_sandbox(const std::string& id) {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    const auto out = call<cri::StopPodSandboxResponse>(table_->stop_pod_sandbox, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
  }
  void remove_sandbox(const std::string& id) {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    const auto out = call<cri::RemovePodSandboxResponse>(table_->remove_pod_sandbox, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
  }
  cri::PodSandboxStatusResponse sandbox_status(const std::string& id) {
    cri::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    request.set_verbose(true);
    const auto out = call<cri::PodSandboxStatusResponse>(table_->pod_sandbox_status, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
    return out ? *out : cri::PodSandboxStatusResponse();
  }
  std::vector<cri::PodSandbox> list_sandboxes() {
    const auto out = call<cri::ListPodSandboxResponse>(table_->list_pod_sandbox, cri::ListPodSandboxRequest());
    EXPECT_TRUE(out.ok());
    return {out->items().begin(), out->items().end()};
  }

  cri::ContainerConfig shell(const std::string& script, const std::string& name = "main") {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("gantry.local/busybox:1.36");
    for (const auto& word : {std::string("/bin/sh"), std::string("-c"), script}) config.add_command(word);
    config.set_log_path(name + "/0.log");
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
    return config;
  }
  Expected<std::string> create(const std::string& sandbox, const cri::ContainerConfig& config) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox);
    *request.mutable_config() = config;
    const auto out = call<cri::CreateContainerResponse>(table_->create_container, request);
    if (!out) return out.error();
    return out->container_id();
  }
  Status start_container(const std::string& id) {
    cri::StartContainerRequest request;
    request.set_container_id(id);
    const auto out = call<cri::StartContainerResponse>(table_->start_container, request);
    return out ? Status() : out.error();
  }
  std::string run(const std::string& sandbox, const cri::ContainerConfig& config) {
    const auto id = create(sandbox, config);
    EXPECT_TRUE(id.ok()) << id.error().message();
    if (!id) return "";
    const auto status = start_container(*id);
    EXPECT_TRUE(status.ok()) << status.message();
    return *id;
  }
  cri::ContainerStatusResponse full_status(const std::string& id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    request.set_verbose(true);
    const auto out = call<cri::ContainerStatusResponse>(table_->container_status, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
    return out ? *out : cri::ContainerStatusResponse();
  }
  cri::ContainerStatus container_status(const std::string& id) { return full_status(id).status(); }
  int pid_of(const std::string& id) { return std::atoi((*full_status(id).mutable_info())["pid"].c_str()); }
  void stop_container(const std::string& id, int64_t timeout) {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(timeout);
    const auto out = call<cri::StopContainerResponse>(table_->stop_container, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
  }
  void signal_container(const std::string& id) {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    const auto out = call<cri::StopContainerResponse>(table_->signal_container, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
  }
  void remove_container(const std::string& id) {
    cri::RemoveContainerRequest request;
    request.set_container_id(id);
    const auto out = call<cri::RemoveContainerResponse>(table_->remove_container, request);
    EXPECT_TRUE(out.ok()) << out.error().message();
  }
  Expected<cri::ExecSyncResponse> exec(const std::string& id, const std::string& script, int64_t timeout = 20) {
    cri::ExecSyncRequest request;
    request.set_container_id(id);
    for (const auto& word : {std::string("/bin/sh"), std::string("-c"), script}) request.add_cmd(word);
    request.set_timeout(timeout);
    return call<cri::ExecSyncResponse>(table_->exec_sync, request);
  }
  std::string exec_out(const std::string& id, const std::string& script) {
    const auto out = exec(id, script);
    EXPECT_TRUE(out.ok()) << out.error().message();
    if (!out) return "";
    EXPECT_EQ(out->exit_code(), 0) << out->stderr();
    return out->stdout();
  }
  static bool eventually(const std::function<bool()>& check) {
    for (const auto deadline = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < deadline;) {
      if (check()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  cri::ContainerStatus wait_exit(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return container_status(id).state() == cri::CONTAINER_EXITED; }));
    return container_status(id);
  }
  std::string log(const std::string& pod_name = "pod", const std::string& name = "main") {
    const auto text = read_file(base_ / "logs" / pod_name / name / "0.log");
    return text ? *text : "";
  }

  std::string id_;
  fs::path base_;
  std::unique_ptr<FakeHost> host_;
  std::unique_ptr<Runtime> runtime_;
  const gantry_runtime* table_ = nullptr;
  Events events_;
};

}  // namespace gantry::oci::test
