#include "core/plugin/verify.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/plugin/library.hpp"

namespace gantry::plugin {

namespace fs = std::filesystem;

namespace {

// Removed by whoever made it, also when what happens in it ends a process.
struct Folder {
  std::string path = (fs::temp_directory_path() / "gantry-verify-XXXXXX").string();
  bool made = ::mkdtemp(path.data()) != nullptr;
  int error = errno;
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (made) fs::remove_all(path, ignored);
  }
};

Expected<ImageInfo> verify_in(const Folder& folder, const fs::path& path, const TrustOptions& trust) {
  if (!folder.made) return Status::internal(folder.path + ": " + std::strerror(folder.error));
  ImageInfo image;
  image.path = path.string();
  const auto copy = fs::path(folder.path) / path.filename();
  auto library = LoadedLibrary::open(path, copy, trust);
  if (!library) return std::move(library).error();
  if (auto digest = sha256_of(copy)) image.sha256 = *digest;
  if (auto status = read_descriptor((*library)->api(), path.stem().string(), image); !status.ok()) {
    return Status(status).in(path.string());
  }
  return image;
}

// By the parent's clock: a process that is stopped hears no alarm of its own.
bool ended_within(pid_t child, std::chrono::milliseconds limit) {
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (process < 0) return true;  // the wait is then as long as the child's alarm
  const auto until = std::chrono::steady_clock::now() + limit;
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd wait{process, POLLIN, 0};
    ready = ::poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  ::close(process);
  return ready > 0;
}

constexpr int kSurvived = 86;

// In the child. What the image throws ends it here: unwinding further would end what is the parent's.
[[noreturn]] void load_and_exit(const Folder& folder, const fs::path& path, const TrustOptions& trust) noexcept {
  static_cast<void>(verify_in(folder, path, trust));
  ::_exit(kSurvived);
}

}  // namespace

Expected<ImageInfo> verify_image(const fs::path& path, const TrustOptions& trust) {
  return verify_in(Folder(), path, trust);
}

Expected<ImageInfo> verify_image_apart(const fs::path& path, const TrustOptions& trust,
                                       std::chrono::milliseconds limit) {
  const Folder folder;
  const pid_t child = ::fork();
  if (child < 0) return Status::internal(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ::signal(SIGALRM, SIG_DFL);
    itimerval timer{};
    timer.it_value.tv_sec = limit / std::chrono::seconds(1);
    timer.it_value.tv_usec = static_cast<suseconds_t>(limit % std::chrono::seconds(1) / std::chrono::microseconds(1));
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    load_and_exit(folder, path, trust);
  }
  const bool ended = ended_within(child, limit);
  if (!ended) ::kill(child, SIGKILL);
  int how = 0;
  while (::waitpid(child, &how, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(how) && WEXITSTATUS(how) == kSurvived) return verify_image(path, trust);
  std::string cause;
  if (WIFEXITED(how)) {
    cause = "ends the process that loads it: exited with status " + std::to_string(WEXITSTATUS(how));
  } else if (!ended || WTERMSIG(how) == SIGALRM) {
    cause = "does not finish loading within " + std::to_string(limit.count()) + " ms";
  } else {
    const char* signal = ::sigabbrev_np(WTERMSIG(how));  // a realtime signal has none
    cause = "ends the process that loads it: killed by " +
            (signal == nullptr ? "signal " + std::to_string(WTERMSIG(how)) : std::string("SIG") + signal);
  }
  return Status::invalid(path.string() + " " + cause);
}

}  // namespace gantry::plugin
