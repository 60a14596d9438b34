#include "core/node/node_io.hpp"

#include "core/files/unique_fd.hpp"
#include "core/node/logs/log_reader.hpp"

namespace gantry::node {
namespace {

constexpr int kMostExecs = 256;  // a thread of the runtime each

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string where(const std::string& container, const std::string& pod) {
  return "container " + quoted(container) + " in pod " + quoted(pod);
}

Expected<std::shared_ptr<const corev1::Pod>> find_pod(const PodTable& pods, const client::PodRef& ref) {
  auto pod = pods.pod(ref.uid);
  if (pod == nullptr) return Status::not_found("pod " + quoted(ref.name) + " not found");
  return pod;
}

const corev1::ContainerStatus* told(const corev1::Pod& pod, const std::string& container) {
  for (const auto* statuses : {&pod.status().container_statuses(), &pod.status().init_container_statuses()}) {
    for (const auto& status : *statuses) {
      if (status.name() == container) return &status;
    }
  }
  return nullptr;
}

Status waits(const corev1::Pod& pod, const std::string& container) {
  const auto* status = told(pod, container);
  std::string reason = status == nullptr ? std::string() : status->state().waiting().reason();
  if (reason.empty()) reason = pod.spec().init_containers_size() > 0 ? "PodInitializing" : "ContainerCreating";
  if (reason == "ErrImagePull") reason = "image can't be pulled";
  if (reason == "ImagePullBackOff") reason = "trying and failing to pull image";
  return Status::bad_request(where(container, pod.metadata().name()) + " is waiting to start: " + reason);
}

// The instance whose log is meant. One that ended and is followed by nothing yet counts as previous only while the next
// one waits.
Expected<cri::ContainerStatus> choose(const PodView& view, const corev1::Pod& pod, const std::string& container,
                                      bool previous) {
  std::vector<const Instance*> started;
  for (const auto& instance : view.containers) {
    const auto state = instance.status.state();
    if (instance.name() == container && state != cri::CONTAINER_CREATED) started.push_back(&instance);
  }
  if (!previous) {
    if (started.empty()) return waits(pod, container);
    return started.front()->status;
  }
  const auto* status = told(pod, container);
  const bool next_waits = status != nullptr && status->state().has_waiting();
  const size_t index = !started.empty() && started.front()->exited() && next_waits ? 0 : 1;
  if (index >= started.size()) {
    return Status::bad_request("previous terminated container " + quoted(container) + " in pod " +
                               quoted(pod.metadata().name()) + " not found");
  }
  return started[index]->status;
}

class Session : public client::ExecSession {
 public:
  Session(RuntimeClient runtime, uint64_t id, std::shared_ptr<std::atomic<bool>> ended)
      : runtime_(std::move(runtime)), id_(id), ended_(std::move(ended)) {}
  ~Session() override {
    if (!*ended_) runtime_.exec_cancel(id_);
  }
  void resize(uint16_t columns, uint16_t rows) override {
    if (!*ended_) runtime_.exec_resize(id_, columns, rows);
  }

 private:
  const RuntimeClient runtime_;
  const uint64_t id_;
  const std::shared_ptr<std::atomic<bool>> ended_;
};

}  // namespace

void NodeIo::stop() { logs_.stop(); }

Status NodeIo::logs(const client::PodRef& ref, const client::LogOptions& options, int out) {
  io::UniqueFd fd(out);
  const auto pod = find_pod(pods_, ref);
  if (!pod) return pod.error();
  const auto view = read_pod(parts_.runtime, ref.uid);
  if (!view) return view.error();
  const auto instance = choose(*view, **pod, options.container, options.previous);
  if (!instance) return instance.error();
  auto running = [this, id = instance->id()] {
    const auto status = parts_.runtime.container_status(id);
    return status && status->state() == cri::CONTAINER_RUNNING;
  };
  auto reader = std::make_unique<LogReader>(instance->log_path(), options, std::move(fd), std::move(running));
  if (auto opened = reader->open(); !opened.ok()) return opened;
  return logs_.add(std::move(reader));
}

Expected<std::unique_ptr<client::ExecSession>> NodeIo::exec(const client::PodRef& ref,
                                                            const client::ExecOptions& options, int in, int out,
                                                            int err, std::function<void(Expected<int>)> exited) {
  io::UniqueFd owned[] = {io::UniqueFd(in), io::UniqueFd(out), io::UniqueFd(err)};
  if (*execs_ >= kMostExecs) {
    return Status::too_many_requests("too many commands run in containers of this node: " + std::to_string(*execs_));
  }
  const auto pod = find_pod(pods_, ref);
  if (!pod) return pod.error();
  const auto view = read_pod(parts_.runtime, ref.uid);
  if (!view) return view.error();
  const auto* instance = view->latest(options.container);
  if (instance == nullptr || !instance->running()) {
    return Status::bad_request("container not found (" + quoted(options.container) + ")");
  }
  cri::ExecRequest request;
  request.set_container_id(instance->id());
  for (const auto& word : options.command) request.add_cmd(word);
  request.set_tty(options.tty);
  request.set_stdin(in >= 0);
  request.set_stdout(out >= 0);
  request.set_stderr(err >= 0);
  auto ended = std::make_shared<std::atomic<bool>>(false);
  ++*execs_;
  const auto id = parts_.runtime.exec(request, owned[0].release(), owned[1].release(), owned[2].release(),
                                      [ended, count = execs_, exited = std::move(exited)](Expected<int> code) {
                                        *ended = true;
                                        --*count;
                                        exited(std::move(code));
                                      });
  if (!id) {
    --*execs_;
    return id.error();
  }
  return std::unique_ptr<client::ExecSession>(std::make_unique<Session>(parts_.runtime, *id, ended));
}

}  // namespace gantry::node
