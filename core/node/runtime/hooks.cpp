#include "core/node/runtime/hooks.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "core/files/unique_fd.hpp"
#include "core/node/probes/http_action.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/text.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kLongestHook = 86'400;

Status get_for_hook(const corev1::HTTPGetAction& action, const HookTarget& target, int64_t timeout, int cancelled) {
  const auto request = resolve_request(action, target.pod_ip, target.container);
  if (!request) return request.error();
  const Deadline deadline{std::chrono::steady_clock::now() + std::chrono::seconds(timeout), cancelled};
  const auto outcome = probe_http(*request, deadline);
  return outcome.result == ProbeResult::kFailure ? Status::internal(outcome.output) : Status();
}

}  // namespace

class HookRunner::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(CommandRunner& commands, plugin::Timers& timers) : commands_(commands), timers_(timers) {}

  uint64_t run(const corev1::LifecycleHandler& handler, const HookTarget& target, int64_t timeout_seconds, Done done);
  void cancel(uint64_t id);
  void stop();

 private:
  struct Run {
    Done done;
    bool sleep = false;
    uint64_t timer = 0, command = 0;
    std::shared_ptr<io::UniqueFd> cancelled;  // of httpGet
  };
  void run_command(uint64_t id, const corev1::ExecAction& action, const std::string& container_id);
  void finish(uint64_t id, const Status& status);
  void time_is_over(uint64_t id);
  void end(const Run& run);
  bool take(uint64_t id, Run& run);
  void tell(const Done& done, const Status& status);

  CommandRunner& commands_;
  plugin::Timers& timers_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<uint64_t, Run> runs_;
  uint64_t last_ = 0;
  int telling_ = 0;  // runs taken out whose end is being told
  bool stopped_ = false;
  plugin::WorkerPool gets_{"hook-get", 64};
};

uint64_t HookRunner::Impl::run(const corev1::LifecycleHandler& handler, const HookTarget& target,
                               int64_t timeout_seconds, Done done) {
  const int64_t longest = timeout_seconds > 0 ? std::min(timeout_seconds, kLongestHook) : kLongestHook;
  const int64_t timer = handler.has_sleep() ? std::min(handler.sleep().seconds(), longest) : longest;
  auto cancelled = handler.has_http_get() ? std::make_shared<io::UniqueFd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
                                          : std::shared_ptr<io::UniqueFd>();
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return 0;
    id = ++last_;
    auto& run = runs_[id];
    run.done = std::move(done);
    run.sleep = handler.has_sleep();
    run.cancelled = cancelled;
    run.timer = timers_.start(timer * 1'000, [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->time_is_over(id);
    });
  }
  bool posted = true;
  if (handler.has_exec()) {
    run_command(id, handler.exec(), target.container_id);
  } else if (handler.has_http_get()) {
    posted = gets_.post([this, id, action = handler.http_get(), target, longest, cancelled] {
      finish(id, get_for_hook(action, target, longest, cancelled->get()));
    });
  } else if (!handler.has_sleep()) {
    finish(id, {});
  }
  if (!posted) finish(id, Status::too_many_requests("too many hooks wait for a thread"));
  return id;
}

void HookRunner::Impl::run_command(uint64_t id, const corev1::ExecAction& action, const std::string& container_id) {
  const std::string name = action.command_size() > 0 ? action.command(0) : std::string();
  const auto done = [weak = weak_from_this(), id, name](const Expected<CommandRunner::Result>& result) {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (!result) return self->finish(id, result.error());
    if (result->exit_code == 0) return self->finish(id, {});
    self->finish(id, Status::internal("command '" + name + "' exited with " + std::to_string(result->exit_code) + ": " +
                                      as_text(result->output)));
  };
  const uint64_t command = commands_.run(container_id, {action.command().begin(), action.command().end()}, 0, done);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = runs_.find(id); found != runs_.end()) {
      found->second.command = command;
      return;
    }
  }
  commands_.cancel(command);  // it was cancelled meanwhile, or has ended: nothing then
}

void HookRunner::Impl::time_is_over(uint64_t id) {
  Run run;
  if (!take(id, run)) return;
  end(run);
  tell(run.done, run.sleep ? Status() : Status::timeout("the hook did not end in its time"));
}

void HookRunner::Impl::finish(uint64_t id, const Status& status) {
  Run run;
  if (!take(id, run)) return;
  timers_.cancel(run.timer);
  tell(run.done, status);
}

void HookRunner::Impl::cancel(uint64_t id) {
  Run run;
  if (!take(id, run)) return;
  end(run);
  tell({}, {});
}

bool HookRunner::Impl::take(uint64_t id, Run& run) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return false;
  run = std::move(found->second);
  runs_.erase(found);
  ++telling_;
  return true;
}

void HookRunner::Impl::tell(const Done& done, const Status& status) {
  if (done) done(status);
  const std::lock_guard lock(mutex_);
  if (--telling_ == 0) quiet_.notify_all();
}

void HookRunner::Impl::end(const Run& run) {
  timers_.cancel(run.timer);
  if (run.cancelled) ::eventfd_write(run.cancelled->get(), 1);
  commands_.cancel(run.command);
}

void HookRunner::Impl::stop() {
  std::map<uint64_t, Run> dropped;
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    dropped.swap(runs_);
    quiet_.wait(lock, [this] { return telling_ == 0; });
  }
  for (const auto& [id, run] : dropped) {
    timers_.cancel(run.timer);
    if (run.cancelled) ::eventfd_write(run.cancelled->get(), 1);
  }
  gets_.stop();
}

HookRunner::HookRunner(CommandRunner& commands, plugin::Timers& timers)
    : impl_(std::make_shared<Impl>(commands, timers)) {}
HookRunner::~HookRunner() { impl_->stop(); }
void HookRunner::stop() { impl_->stop(); }
void HookRunner::cancel(uint64_t id) { impl_->cancel(id); }
uint64_t HookRunner::run(const corev1::LifecycleHandler& handler, const HookTarget& target, int64_t timeout_seconds,
                         Done done) {
  return impl_->run(handler, target, timeout_seconds, std::move(done));
}

}  // namespace gantry::node
