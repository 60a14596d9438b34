// From the lines of a CRI log file to the bytes of `kubectl logs`.
#include "core/node/logs/log_reader.hpp"

#include <fcntl.h>
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

#include "core/node/logs/log_line.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::node {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr size_t kHead = 128;   // time, stream and tag of a line fit in here
constexpr int kQuietMs = 1000;  // how often a quiet log's container and reader are looked at
constexpr int kClosedMs = 50;   // the writer closed the file: its container is ending, and that is soon known
constexpr int kClosedLooks = 40;
constexpr int kBlocksAStep = 64;

enum class Wrote : uint8_t { kOk, kBlocked, kGone };

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

// Collects what goes to the reader; knows its bounds, and when the reader has gone. Holds a block and a line at most.
class Output {
 public:
  Output(io::UniqueFd fd, std::optional<int64_t> limit) : fd_(std::move(fd)), left_(limit) {
    const int flags = ::fcntl(fd_.get(), F_GETFL);
    if (flags >= 0) ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);
  }

  void add(std::string_view text) {
    if (left_) {
      text = text.substr(0, static_cast<size_t>(std::max<int64_t>(*left_, 0)));
      *left_ -= static_cast<int64_t>(text.size());
    }
    buffer_ += text;
  }
  bool full() const { return left_ && *left_ <= 0; }

  Wrote flush() {
    size_t sent = 0;
    auto result = Wrote::kOk;
    while (sent < buffer_.size() && result == Wrote::kOk) {
      const ssize_t n = ::write(fd_.get(), buffer_.data() + sent, buffer_.size() - sent);
      if (n > 0)
        sent += static_cast<size_t>(n);
      else if (n < 0 && errno != EINTR)
        result = errno == EAGAIN ? Wrote::kBlocked : Wrote::kGone;
    }
    buffer_.erase(0, sent);
    return result;
  }

  int fd() const { return fd_.get(); }

 private:
  const io::UniqueFd fd_;
  std::optional<int64_t> left_;
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

}  // namespace

class LogReader::Impl {
 public:
  Impl(std::string path, client::LogOptions options, io::UniqueFd out, std::function<bool()> running)
      : path_(std::move(path)),
        options_(std::move(options)),
        output_(std::move(out), options_.limit_bytes),
        running_(std::move(running)) {
    if (options_.since_unix_ns) since_ = *options_.since_unix_ns;
    if (options_.since_seconds) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      since_ =
          std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - *options_.since_seconds * 1'000'000'000;
    }
  }

  Status begin() {
    if (auto opened = open(); !opened.ok()) return opened;
    if (output_.full()) at_ = At::kEnd;
    if (options_.follow) watch();
    if (options_.tail_lines) {
      struct stat info {};
      if (::fstat(file_.get(), &info) == 0) offset_ = tail_offset(file_.get(), info.st_size, *options_.tail_lines);
    }
    return {};
  }

  Wait step() {
    if (waited_) look_at_events();
    for (int blocks = 0;;) {
      switch (output_.flush()) {
        case Wrote::kOk:
          break;
        case Wrote::kBlocked:
          return {false, true, kQuietMs};
        case Wrote::kGone:
          return {true, false, 0};
      }
      switch (at_) {
        case At::kBegin:
          begin_round();
          break;
        case At::kFile:
          // Others want to be read, too.
          if (++blocks > kBlocksAStep) return {false, true, 0};
          read_block();
          break;
        case At::kFileEnd:
          if (end_round()) break;
          waited_ = true;
          return {false, false, closed_ > 0 ? kClosedMs : kQuietMs};
        case At::kEnd:
          return {true, false, 0};
      }
    }
  }

  int out() const { return output_.fd(); }
  int notify() const { return notify_.get(); }

 private:
  enum class At : uint8_t { kBegin, kFile, kFileEnd, kEnd };

  // Asked before reading: what was written before it ended is then certainly read. Not asked while lines come.
  void begin_round() {
    asked_ = quiet_;
    more_ = options_.follow && (!asked_ || running_());
    before_ = offset_;
    struct stat info {};
    // Cut by somebody: begin anew.
    if (::fstat(file_.get(), &info) == 0 && info.st_size < offset_) {
      offset_ = 0;
      carry_.clear();
    }
    at_ = At::kFile;
  }

  void read_block() {
    std::string block(kBlock, '\0');
    const ssize_t n = ::pread(file_.get(), block.data(), block.size(), offset_);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
      at_ = At::kFileEnd;
      return;
    }
    offset_ += n;
    take(std::string_view(block).substr(0, static_cast<size_t>(n)));
    if (output_.full()) at_ = At::kEnd;
  }

  // False: there is nothing to do but to wait.
  bool end_round() {
    quiet_ = offset_ == before_;
    at_ = At::kBegin;
    if (rotated()) return true;
    if (!more_) {
      // A last line without its newline was cut by a crash, but what is there was said.
      if (!carry_.empty()) show(carry_);
      at_ = At::kEnd;
      return true;
    }
    return quiet_ && !asked_;
  }

  Status open() {
    io::UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) {
      const int error = errno;
      const std::string why = "failed to open log file \"" + path_ + "\": " + std::strerror(error);
      return error == ENOENT ? Status::not_found(why) : Status::internal(why);
    }
    // Not before: the end of an old file without its newline was cut, but what is there was said.
    if (!carry_.empty()) show(carry_);
    carry_.clear();
    file_ = std::move(file);
    offset_ = 0;
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

  void take(std::string_view bytes) {
    while (!output_.full()) {
      const auto end = bytes.find('\n');
      if (end == std::string_view::npos) {
        carry_ += bytes;
        return;
      }
      if (carry_.empty()) {
        show(bytes.substr(0, end));
      } else {
        carry_ += bytes.substr(0, end);
        show(carry_);
        carry_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
  }

  // A line that is no log line is left out: the rest of the file is still worth showing.
  void show(std::string_view text) {
    LogLine line;
    if (!parse_log_line(text, line)) return;
    if (since_) {
      const auto time = schema::parse_time(line.time);
      if (time && *time < *since_) return;
    }
    if (options_.timestamps && !inside_line_) output_.add(fixed_time(line.time) + " ");
    inside_line_ = line.partial;
    output_.add(line.text);
    if (!line.partial) output_.add("\n");
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
    return open().ok();  // one that can't be opened now is looked for again
  }

  void look_at_events() {
    waited_ = false;
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
  }

  const std::string path_;
  const client::LogOptions options_;
  Output output_;
  const std::function<bool()> running_;
  std::optional<int64_t> since_;
  io::UniqueFd file_, notify_;
  At at_ = At::kBegin;
  off_t offset_ = 0, before_ = 0;
  std::string carry_;  // a line whose end is not there yet
  bool asked_ = false, more_ = false;
  bool waited_ = false;       // for an event
  bool quiet_ = true;         // nothing came last time
  bool inside_line_ = false;  // the last piece was partial
  int closed_ = 0;            // how often to look soon
};

LogReader::LogReader(std::string path, client::LogOptions options, io::UniqueFd out, std::function<bool()> running)
    : impl_(std::make_unique<Impl>(std::move(path), std::move(options), std::move(out), std::move(running))) {}
LogReader::~LogReader() = default;
Status LogReader::open() { return impl_->begin(); }
LogReader::Wait LogReader::step() {
  const NoSigpipe quiet;
  return impl_->step();
}
int LogReader::out() const { return impl_->out(); }
int LogReader::notify() const { return impl_->notify(); }

}  // namespace gantry::node
