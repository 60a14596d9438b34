#include "core/node/runtime/command_runner.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kLongestCommand = 86'400;
constexpr size_t kMostOutput = 10 << 10;
constexpr uint64_t kNoCommand = 0;  // of no command

// What is there now; what is beyond the bound is read and dropped. False: nothing more will come.
bool read_some(int fd, std::string& text) {
  std::array<char, 16384> block;
  while (true) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 && errno == EAGAIN;
    text.append(block.data(), std::min(static_cast<size_t>(n), kMostOutput - std::min(kMostOutput, text.size())));
    // One that never stops must not keep the others waiting.
    if (static_cast<size_t>(n) < block.size()) return true;
  }
}

}  // namespace

class CommandRunner::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(const RuntimeClient& runtime, plugin::Timers& timers)
      : runtime_(runtime),
        timers_(timers),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    watch(wake_.get(), kNoCommand);
  }

  uint64_t run(const std::string& container_id, std::vector<std::string> command, int64_t timeout_seconds, Done done);
  void cancel(uint64_t id);
  void stop();

 private:
  struct Run {
    Done done;
    uint64_t timer = 0, exec = 0;
    io::UniqueFd reads;
    std::string output;
  };
  void start(uint64_t id, const std::string& container_id, const std::vector<std::string>& command);
  Expected<io::UniqueFd> open_output(uint64_t id);
  void watch(int fd, uint64_t id) const;
  void read_all();
  void time_is_over(uint64_t id);
  void finish(uint64_t id, const Expected<int>& code);
  void end(const Run& run);
  bool take(uint64_t id, Run& run);
  void tell(const Done& done, Expected<Result> result);

  const RuntimeClient& runtime_;
  plugin::Timers& timers_;
  const io::UniqueFd epoll_, wake_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<uint64_t, Run> runs_;
  uint64_t last_ = kNoCommand;
  int telling_ = 0;  // runs taken out whose end is being told
  bool stopped_ = false;
  std::thread reader_;  // since the first
  plugin::WorkerPool starts_{"exec", 8};
};

void CommandRunner::Impl::watch(int fd, uint64_t id) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = id;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

uint64_t CommandRunner::Impl::run(const std::string& container_id, std::vector<std::string> command,
                                  int64_t timeout_seconds, Done done) {
  const int64_t longest = timeout_seconds > 0 ? std::min(timeout_seconds, kLongestCommand) : kLongestCommand;
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return 0;
    id = ++last_;
    auto& run = runs_[id];
    run.done = std::move(done);
    run.timer = timers_.start(longest * 1'000, [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->time_is_over(id);
    });
    if (!reader_.joinable()) reader_ = std::thread([this] { read_all(); });
  }
  const bool posted =
      starts_.post([this, id, container_id, command = std::move(command)] { start(id, container_id, command); });
  if (!posted) finish(id, Status::too_many_requests("too many commands wait to be started"));
  return id;
}

void CommandRunner::Impl::start(uint64_t id, const std::string& container_id, const std::vector<std::string>& command) {
  auto out = open_output(id);
  if (!out) return finish(id, out.error());
  if (!out->valid()) return;  // cancelled
  cri::ExecRequest request;
  request.set_container_id(container_id);
  for (const auto& word : command) request.add_cmd(word);
  request.set_stdout(true);
  request.set_stderr(true);
  const int err = ::fcntl(out->get(), F_DUPFD_CLOEXEC, 0);
  const auto exec = runtime_.exec(request, -1, out->release(), err, [weak = weak_from_this(), id](Expected<int> code) {
    if (const auto self = weak.lock()) self->finish(id, code);
  });
  if (!exec) return finish(id, exec.error());
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (const auto found = runs_.find(id); found != runs_.end()) {
      found->second.exec = *exec;
      return;
    }
  }
  runtime_.exec_cancel(*exec);  // its time was over before it began; nothing if it has ended
}

// The end to write to; none when the command is not wanted any more.
Expected<io::UniqueFd> CommandRunner::Impl::open_output(uint64_t id) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Status::internal(std::string("pipe: ") + std::strerror(errno));
  io::UniqueFd reads(ends[0]), writes(ends[1]);
  ::fcntl(reads.get(), F_SETFL, O_NONBLOCK);
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return io::UniqueFd();
  watch(reads.get(), id);
  found->second.reads = std::move(reads);
  return writes;
}

void CommandRunner::Impl::read_all() {
  pthread_setname_np(pthread_self(), "exec-output");
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    for (int i = 0; i < count; ++i) {
      const auto found = runs_.find(events[static_cast<size_t>(i)].data.u64);
      if (found == runs_.end()) continue;
      auto& run = found->second;
      if (!read_some(run.reads.get(), run.output)) run.reads.reset();
    }
  }
}

void CommandRunner::Impl::time_is_over(uint64_t id) {
  Run run;
  if (!take(id, run)) return;
  end(run);
  tell(run.done, Status::timeout("the command did not end in its time"));
}

void CommandRunner::Impl::finish(uint64_t id, const Expected<int>& code) {
  Run run;
  if (!take(id, run)) return;
  timers_.cancel(run.timer);
  if (!code) return tell(run.done, code.error());
  // A child that it left behind may hold the other end for ever: what is there now is what it said.
  if (run.reads.valid()) (void)read_some(run.reads.get(), run.output);
  tell(run.done, Result{*code, std::move(run.output)});
}

void CommandRunner::Impl::cancel(uint64_t id) {
  Run run;
  if (!take(id, run)) return;
  end(run);
  tell({}, Status());
}

bool CommandRunner::Impl::take(uint64_t id, Run& run) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(id);
  if (found == runs_.end()) return false;
  run = std::move(found->second);
  runs_.erase(found);
  ++telling_;
  return true;
}

void CommandRunner::Impl::tell(const Done& done, Expected<Result> result) {
  if (done) done(std::move(result));
  const std::lock_guard lock(mutex_);
  if (--telling_ == 0) quiet_.notify_all();
}

void CommandRunner::Impl::end(const Run& run) {
  timers_.cancel(run.timer);
  // Not here: another process may have to be asked.
  if (run.exec != 0) starts_.post([this, exec = run.exec] { runtime_.exec_cancel(exec); });
}

void CommandRunner::Impl::stop() {
  std::map<uint64_t, Run> dropped;
  {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    dropped.swap(runs_);
    quiet_.wait(lock, [this] { return telling_ == 0; });
  }
  for (const auto& [id, run] : dropped) timers_.cancel(run.timer);
  ::eventfd_write(wake_.get(), 1);
  if (reader_.joinable()) reader_.join();
  starts_.stop();
}

CommandRunner::CommandRunner(const RuntimeClient& runtime, plugin::Timers& timers)
    : impl_(std::make_shared<Impl>(runtime, timers)) {}
CommandRunner::~CommandRunner() { impl_->stop(); }
void CommandRunner::stop() { impl_->stop(); }
void CommandRunner::cancel(uint64_t id) { impl_->cancel(id); }
uint64_t CommandRunner::run(const std::string& container_id, std::vector<std::string> command, int64_t timeout_seconds,
                            Done done) {
  return impl_->run(container_id, std::move(command), timeout_seconds, std::move(done));
}

}  // namespace gantry::node
