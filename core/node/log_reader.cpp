// From the lines of a CRI log file to the bytes of `kubectl logs`.
#include "core/node/log_reader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/client/io/unique_fd.hpp"
#include "core/node/log_line.hpp"
#include "core/schema/values.hpp"

namespace gantry::node {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kHead = 128;   // time, stream and tag of a line fit in here
constexpr int kQuietMs = 1000;  // how often a quiet log's container and reader are looked at
constexpr int kClosedMs = 50;   // the writer closed the file: its container is ending, and that is soon known
constexpr int kClosedLooks = 40;

enum class Wrote : uint8_t { kOk, kGone, kFull };

// SIGPIPE is held back on this thread, and what was raised here is taken away again.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t pending;
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGPIPE);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &set_, &old_);
  }
  ~NoSigpipe() {
    const timespec none{};
    if (!was_pending_) {
      while (::sigtimedwait(&set_, nullptr, &none) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t set_{}, old_{};
  bool was_pending_ = false;
};

// Collects what goes to the reader; knows its bounds, and when the reader has gone.
class Output {
 public:
  Output(int fd, std::optional<int64_t> limit, const std::atomic<bool>& stop) : fd_(fd), left_(limit), stop_(stop) {
    // A reader that does not read must not keep us from seeing `stop`.
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }

  Wrote add(std::string_view text) {
    if (left_) {
      text = text.substr(0, static_cast<size_t>(std::max<int64_t>(*left_, 0)));
      *left_ -= static_cast<int64_t>(text.size());
    }
    buffer_ += text;
    if (buffer_.size() >= kBlock) {
      if (const auto wrote = flush(); wrote != Wrote::kOk) return wrote;
    }
    return left_ && *left_ <= 0 ? Wrote::kFull : Wrote::kOk;
  }

  Wrote flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n > 0) {
        rest.remove_prefix(static_cast<size_t>(n));
        continue;
      }
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EAGAIN) return Wrote::kGone;
      pollfd wait{fd_, POLLOUT, 0};
      ::poll(&wait, 1, kQuietMs);
      if (stop_.load()) return Wrote::kGone;
    }
    buffer_.clear();
    return Wrote::kOk;
  }

  int fd() const { return fd_; }

 private:
  const int fd_;
  std::optional<int64_t> left_;
  const std::atomic<bool>& stop_;
  std::string buffer_;
};

// Where the last lines begin, seen from the end: a line in pieces (P ... F) counts once.
class TailCounter {
 public:
  explicit TailCounter(int64_t wanted) : wanted_(wanted) {}
  // The next line towards the front begins here. True when it is one too many.
  bool see(off_t begin, std::string_view head) {
    const bool first = found_ == 0;
    // The last entry is a line even when it is torn or its last piece is not there yet.
    if (first || is_full_line(head)) ++found_;
    if (found_ > wanted_) return true;
    start_ = begin;
    return false;
  }
  off_t start() const { return start_; }

 private:
  const int64_t wanted_;
  int64_t found_ = 0;
  off_t start_ = 0;
};

// Reads backwards, block by block, as far as it must.
off_t tail_offset(int fd, off_t size, int64_t lines) {
  if (lines <= 0) return size;
  TailCounter counter(lines);
  std::string block, after;  // after: the beginning of the block behind, for a head that lies across both
  for (off_t from = size; from > 0;) {
    const auto length = static_cast<size_t>(std::min<off_t>(from, static_cast<off_t>(kBlock)));
    from -= static_cast<off_t>(length);
    block.resize(length);
    if (::pread(fd, block.data(), length, from) != static_cast<ssize_t>(length)) return 0;
    block += after;
    for (size_t i = length; i-- > 0;) {
      const off_t begin = from + static_cast<off_t>(i) + 1;
      if (block[i] != '\n' || begin == size) continue;
      if (counter.see(begin, std::string_view(block).substr(i + 1, kHead))) return counter.start();
    }
    if (from == 0 && counter.see(0, std::string_view(block).substr(0, kHead))) return counter.start();
    after = block.substr(0, kHead);
  }
  return 0;
}

class Reader {
 public:
  Reader(const std::string& path, const client::LogOptions& options, int out, const std::function<bool()>& running,
         const std::atomic<bool>& stop)
      : path_(path), options_(options), output_(out, options.limit_bytes, stop), running_(running), stop_(stop) {
    if (options.since_unix_ns) since_ = *options.since_unix_ns;
    if (options.since_seconds) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      since_ =
          std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - *options.since_seconds * 1'000'000'000;
    }
  }

  Status run() {
    if (auto opened = open(); !opened.ok()) return opened;
    if (options_.limit_bytes && *options_.limit_bytes <= 0) return {};
    if (options_.follow) watch();
    if (options_.tail_lines) {
      struct stat info {};
      if (::fstat(file_.get(), &info) == 0) offset_ = tail_offset(file_.get(), info.st_size, *options_.tail_lines);
    }
    while (true) {
      // Asked before reading: what was written before it ended is then certainly read. Not asked while lines come.
      const bool ask = quiet_;
      const bool more = options_.follow && !stop_.load() && (!ask || running_());
      const off_t before = offset_;
      if (const auto wrote = read_to_end(); wrote != Wrote::kOk) {
        if (wrote == Wrote::kFull) (void)output_.flush();
        return {};
      }
      quiet_ = offset_ == before;
      if (stop_.load()) return {};
      if (rotated()) continue;
      if (!more) return finish();
      if (quiet_ && !ask) continue;
      if (!wait()) return {};
    }
  }

 private:
  Status open() {
    file_.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) {
      const int error = errno;
      const std::string why = "failed to open log file \"" + path_ + "\": " + std::strerror(error);
      return error == ENOENT ? Status::not_found(why) : Status::internal(why);
    }
    offset_ = 0;
    carry_.clear();
    return {};
  }

  void watch() {
    notify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!notify_.valid()) return;  // the wait's time limit still finds what is new
    // The folder tells of writes to the file and of a new file in its place.
    const auto dir = std::filesystem::path(path_).parent_path();
    ::inotify_add_watch(notify_.get(), dir.empty() ? "." : dir.c_str(),
                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE);
  }

  Wrote read_to_end() {
    std::string block(kBlock, '\0');
    struct stat info {};
    // Cut by somebody: begin anew.
    if (::fstat(file_.get(), &info) == 0 && info.st_size < offset_) {
      offset_ = 0;
      carry_.clear();
    }
    while (!stop_.load()) {
      const ssize_t n = ::pread(file_.get(), block.data(), block.size(), offset_);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return output_.flush();
      offset_ += n;
      if (const auto wrote = take(std::string_view(block).substr(0, static_cast<size_t>(n))); wrote != Wrote::kOk) {
        return wrote;
      }
    }
    return Wrote::kGone;
  }

  Wrote take(std::string_view bytes) {
    while (true) {
      const auto end = bytes.find('\n');
      if (end == std::string_view::npos) {
        carry_ += bytes;
        return Wrote::kOk;
      }
      Wrote wrote = Wrote::kOk;
      if (carry_.empty()) {
        wrote = show(bytes.substr(0, end));
      } else {
        carry_ += bytes.substr(0, end);
        wrote = show(carry_);
        carry_.clear();
      }
      if (wrote != Wrote::kOk) return wrote;
      bytes.remove_prefix(end + 1);
    }
  }

  // A line that is no log line is left out: the rest of the file is still worth showing.
  Wrote show(std::string_view text) {
    LogLine line;
    if (!parse_log_line(text, line)) return Wrote::kOk;
    if (since_) {
      const auto time = schema::parse_time(line.time);
      if (time && *time < *since_) return Wrote::kOk;
    }
    if (options_.timestamps && !inside_line_) {
      if (const auto wrote = output_.add(fixed_time(line.time) + " "); wrote != Wrote::kOk) return wrote;
    }
    inside_line_ = line.partial;
    if (const auto wrote = output_.add(line.text); wrote != Wrote::kOk) return wrote;
    return line.partial ? Wrote::kOk : output_.add("\n");
  }

  // The end: a last line without its newline was cut by a crash, but what is there was said.
  Status finish() {
    if (!carry_.empty() && show(carry_) == Wrote::kGone) return {};
    (void)output_.flush();
    return {};
  }

  // A new file lies at the path: the old one has been read to its end, so go on with that.
  bool rotated() {
    struct stat old {
    }, now{};
    if (!options_.follow || ::fstat(file_.get(), &old) != 0 || ::stat(path_.c_str(), &now) != 0 ||
        (old.st_dev == now.st_dev && old.st_ino == now.st_ino)) {
      return false;
    }
    // The writer may have added to the old file between our last read and the change.
    if (old.st_size > offset_) return true;
    if (!carry_.empty()) (void)show(carry_);
    return open().ok();
  }

  // False: the reader has gone.
  bool wait() {
    std::array<pollfd, 2> waits{{{notify_.get(), POLLIN, 0}, {output_.fd(), 0, 0}}};
    ::poll(waits.data(), waits.size(), closed_ > 0 ? kClosedMs : kQuietMs);
    if ((waits[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return false;
    if (closed_ > 0) --closed_;
    alignas(inotify_event) std::array<char, 4096> events;
    ssize_t n = 0;
    while ((n = ::read(notify_.get(), events.data(), events.size())) > 0) {
      for (ssize_t at = 0; at < n;) {
        const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
        if ((event->mask & IN_CLOSE_WRITE) != 0) closed_ = kClosedLooks;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return true;
  }

  const std::string& path_;
  const client::LogOptions& options_;
  Output output_;
  const std::function<bool()>& running_;
  const std::atomic<bool>& stop_;
  std::optional<int64_t> since_;
  io::UniqueFd file_, notify_;
  off_t offset_ = 0;
  std::string carry_;         // a line whose end is not there yet
  bool quiet_ = true;         // nothing came last time
  bool inside_line_ = false;  // the last piece was partial
  int closed_ = 0;            // how often to look soon
};

}  // namespace

Status read_log(const std::string& path, const client::LogOptions& options, int out,
                const std::function<bool()>& running, const std::atomic<bool>& stop) {
  const NoSigpipe quiet;
  return Reader(path, options, out, running, stop).run();
}

}  // namespace gantry::node
