#include "core/plugin/verify.hpp"

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/plugin/library.hpp"

namespace gantry::plugin {

namespace fs = std::filesystem;

Expected<ImageInfo> verify_image(const fs::path& path, const TrustOptions& trust) {
  std::string folder = (fs::temp_directory_path() / "gantry-verify-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return Status::internal(folder + ": " + std::strerror(errno));
  const std::shared_ptr<void> removed(nullptr, [&](void*) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  });
  ImageInfo image;
  image.path = path.string();
  const auto copy = fs::path(folder) / path.filename();
  auto library = LoadedLibrary::open(path, copy, trust);
  if (!library) return std::move(library).error();
  if (auto digest = sha256_of(copy)) image.sha256 = *digest;
  if (auto status = read_descriptor((*library)->api(), path.stem().string(), image); !status.ok()) {
    return Status(status).in(path.string());
  }
  return image;
}

Expected<ImageInfo> verify_image_apart(const fs::path& path, const TrustOptions& trust,
                                       std::chrono::milliseconds limit) {
  constexpr int kSurvived = 86;
  const pid_t child = ::fork();
  if (child < 0) return Status::internal(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ::signal(SIGALRM, SIG_DFL);
    itimerval timer{};
    timer.it_value.tv_sec = limit / std::chrono::seconds(1);
    timer.it_value.tv_usec = static_cast<suseconds_t>(limit % std::chrono::seconds(1) / std::chrono::microseconds(1));
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    static_cast<void>(verify_image(path, trust));
    ::_exit(kSurvived);
  }
  int how = 0;
  while (::waitpid(child, &how, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(how) && WEXITSTATUS(how) == kSurvived) return verify_image(path, trust);
  std::string cause;
  if (WIFEXITED(how)) {
    cause = "ends the process that loads it: exited with status " + std::to_string(WEXITSTATUS(how));
  } else if (WTERMSIG(how) == SIGALRM) {
    cause = "does not finish loading within " + std::to_string(limit.count()) + " ms";
  } else {
    const char* signal = ::sigabbrev_np(WTERMSIG(how));  // a realtime signal has none
    cause = "ends the process that loads it: killed by " +
            (signal == nullptr ? "signal " + std::to_string(WTERMSIG(how)) : std::string("SIG") + signal);
  }
  return Status::invalid(path.string() + " " + cause);
}

}  // namespace gantry::plugin
