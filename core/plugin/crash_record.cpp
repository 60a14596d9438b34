#include "core/plugin/crash_record.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

#include "core/files/errno_status.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
constexpr size_t kMostImages = 512, kMostFrames = 256, kMostKept = 200, kAltStack = 64 * 1024;

// What a signal handler needs it can find nowhere else than in variables of the process.
std::array<std::atomic<const MappedImage::Data*>, kMostImages> images;
std::atomic<int> record_fd{-1};
std::atomic<pid_t> recorder{0};
std::atomic<bool> recorded{false};
std::array<struct sigaction, NSIG> before;
thread_local bool handling = false;

// A sanitizer may have given the thread one already.
class AltStack {
 public:
  AltStack() {
    stack_t known{};
    if (::sigaltstack(nullptr, &known) != 0 || (known.ss_flags & SS_DISABLE) == 0) return;
    void* memory = ::mmap(nullptr, kAltStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t mine{};
    mine.ss_sp = memory;
    mine.ss_size = kAltStack;
    if (::sigaltstack(&mine, nullptr) == 0) {
      memory_ = memory;
    } else {
      ::munmap(memory, kAltStack);
    }
  }
  ~AltStack() {
    if (memory_ == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (::sigaltstack(&none, nullptr) == 0) ::munmap(memory_, kAltStack);
  }
  AltStack(const AltStack&) = delete;
  AltStack& operator=(const AltStack&) = delete;

 private:
  void* memory_ = nullptr;
};

// A line without allocation.
struct Line {
  std::array<char, 1024> bytes;
  size_t size = 0;
  void add(std::string_view text) {
    for (const char c : text) {
      // The last byte is the line's end; nothing else in it may be one, nor a separator.
      if (size + 1 < bytes.size()) bytes[size++] = static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  void separate() {
    if (size + 1 < bytes.size()) bytes[size++] = '\t';
  }
  void add_number(int64_t number) {
    std::array<char, 20> digits;
    size_t at = digits.size();
    auto rest = static_cast<uint64_t>(number < 0 ? 0 : number);
    do {
      digits[--at] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest > 0);
    add({digits.data() + at, digits.size() - at});
  }
  void send(int fd) {
    bytes[size++] = '\n';
    [[maybe_unused]] const auto written = ::write(fd, bytes.data(), size);
  }
};

const MappedImage::Data* image_at(uintptr_t address) {
  // It takes no lock and allocates nothing, unlike dladdr.
  dl_find_object found{};
  if (::_dl_find_object(reinterpret_cast<void*>(address), &found) != 0 || found.dlfo_link_map == nullptr)
    return nullptr;
  const char* const file = found.dlfo_link_map->l_name;
  if (file == nullptr || *file == '\0') return nullptr;
  for (const auto& slot : images) {
    const auto* image = slot.load();
    if (image != nullptr && image->copy == file) return image;
  }
  return nullptr;
}

struct Search {
  size_t frames = 0;
  const MappedImage::Data* found = nullptr;
};

_Unwind_Reason_Code look_at_frame(_Unwind_Context* context, void* into) {
  auto& search = *static_cast<Search*>(into);
  int before_call = 0;
  const uintptr_t at = _Unwind_GetIPInfo(context, &before_call);
  if (at == 0 || ++search.frames > kMostFrames) return _URC_END_OF_STACK;
  search.found = image_at(before_call != 0 ? at : at - 1);
  return search.found != nullptr ? _URC_END_OF_STACK : _URC_NO_REASON;
}

}  // namespace

struct CrashHandler {
  static const MappedImage::Data* on_stack() {
    Search search;
    _Unwind_Backtrace(&look_at_frame, &search);
    return search.found;
  }
  static const MappedImage::Data* marked() {
    const CallMark* mark = CallMark::innermost_;
    return mark == nullptr || mark->image_ == nullptr ? nullptr : &mark->image_->data();
  }
  // One line: name, key, cause, when, what. The first end is the one that counts.
  static void record(const MappedImage::Data& image, const char* how, int number, const char* name) {
    if (recorded.exchange(true)) return;
    Line line, said;
    line.add(image.name);
    line.separate();
    line.add(image.key);
    line.separate();
    line.add(how);
    name != nullptr ? line.add(name) : line.add_number(number);
    line.separate();
    line.add_number(::time(nullptr));
    line.separate();
    if (marked() != nullptr && marked()->name == image.name) {
      const CallMark* mark = CallMark::innermost_;
      line.add(mark->verb_);
      if (!mark->name_.empty()) {
        line.add(" of ");
        line.add(mark->ns_);
        if (!mark->ns_.empty()) line.add("/");
        line.add(mark->name_);
      }
    }
    line.send(record_fd.load());
    said.add("gantryd: the plugin ");
    said.add(image.name);
    said.add(" ends the daemon: ");
    said.add(how);
    name != nullptr ? said.add(name) : said.add_number(number);
    said.send(STDERR_FILENO);
  }
  static const char* name_of(int signal) {
    switch (signal) {
      case SIGSEGV:
        return "SIGSEGV";
      case SIGBUS:
        return "SIGBUS";
      case SIGFPE:
        return "SIGFPE";
      case SIGILL:
        return "SIGILL";
      case SIGABRT:
        return "SIGABRT";
      case SIGTRAP:
        return "SIGTRAP";
      default:
        return "SIGSYS";
    }
  }
  static void handle(int signal, siginfo_t* info, void*) {
    const int error = errno;
    if (record_fd.load() >= 0 && recorder.load() == ::getpid() && !recorded.load()) {
      // A stack that is not fit to be walked brings this here again; then the mark is all there is.
      const bool first = !std::exchange(handling, true);
      const auto* image = first ? on_stack() : nullptr;
      if (image == nullptr) image = marked();
      if (image != nullptr) record(*image, "killed by ", signal, name_of(signal));
    }
    // From here on as if this had never been: the instruction faults again, or the signal is sent again.
    ::sigaction(signal, &before[static_cast<size_t>(signal)], nullptr);
    if (info->si_code <= 0) ::syscall(SYS_tgkill, ::getpid(), ::gettid(), signal);
    errno = error;
  }
  // exit() would end the others' objects under their threads; so it ends here, as a crash does.
  static void handle_exit(int status, void*) {
    if (record_fd.load() < 0 || recorder.load() != ::getpid()) return;
    const auto* image = on_stack();
    if (image == nullptr) return;
    record(*image, "exited with status ", status, nullptr);
    ::_exit(status);
  }
  static void install() {
    Search search;
    _Unwind_Backtrace(&look_at_frame, &search);  // whatever the unwinder does at its first use is done here
    struct sigaction action {};
    action.sa_sigaction = &handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    ::sigemptyset(&action.sa_mask);
    for (const int signal : kSignals) ::sigaction(signal, &action, &before[static_cast<size_t>(signal)]);
    ::on_exit(&handle_exit, nullptr);
  }
};

MappedImage::MappedImage(std::string name, const fs::path& copy, std::string key)
    : data_{std::move(name), copy.string(), std::move(key)}, slot_(kMostImages) {
  for (size_t i = 0; i < kMostImages && slot_ == kMostImages; ++i) {
    const Data* free = nullptr;
    if (images[i].compare_exchange_strong(free, &data_)) slot_ = i;
  }
}

MappedImage::~MappedImage() {
  if (slot_ < kMostImages) images[slot_].store(nullptr);
}

void CallMark::prepare_thread() {
  thread_local const AltStack stack;
  prepared_ = true;
}

std::string Crash::sentence() const {
  return "it was at work" + (what.empty() ? std::string() : " (" + what + ")") + " when the daemon was " +
         (cause.starts_with("exited") ? "ended: it " : "") + cause + ", " + when;
}

CrashRecord::CrashRecord(fs::path file, bool record) : file_(std::move(file)) {
  read();
  if (!record) return;
  std::error_code failed;
  fs::create_directories(file_.parent_path(), failed);
  fd_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    trouble_ = files::status_of_errno(file_.string(), errno);
    return;
  }
  recorder = ::getpid();
  recorded = false;
  record_fd = fd_;
  static std::once_flag installed;
  std::call_once(installed, [] { CrashHandler::install(); });
}

CrashRecord::~CrashRecord() {
  if (fd_ < 0) return;
  int mine = fd_;
  record_fd.compare_exchange_strong(mine, -1);
  ::close(fd_);
}

void CrashRecord::read() {
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    std::array<std::string, 5> parts;
    size_t begin = 0, count = 0;
    for (; count < parts.size() && begin <= line.size(); ++count) {
      const auto end = std::min(line.find('\t', begin), line.size());
      parts[count] = line.substr(begin, end - begin);
      begin = end + 1;
    }
    if (count != parts.size() || parts[1].size() != 64) continue;  // half a line, after a power cut
    std::erase_if(crashes_, [&](const Crash& known) { return known.name == parts[0]; });
    const std::time_t seconds = std::strtoll(parts[3].c_str(), nullptr, 10);
    std::tm moment{};
    std::array<char, 32> when{};
    ::gmtime_r(&seconds, &moment);
    std::strftime(when.data(), when.size(), "%Y-%m-%dT%H:%M:%SZ", &moment);
    crashes_.push_back({parts[0], parts[1], parts[2], parts[4], when.data()});
    if (crashes_.size() > kMostKept) crashes_.erase(crashes_.begin());
  }
}

void CrashRecord::write() const {
  if (fd_ < 0) return;
  std::string text;
  for (const auto& crash : crashes_) {
    std::tm moment{};
    ::strptime(crash.when.c_str(), "%Y-%m-%dT%H:%M:%SZ", &moment);
    text += crash.name + "\t" + crash.key + "\t" + crash.cause + "\t" + std::to_string(::timegm(&moment)) + "\t" +
            crash.what + "\n";
  }
  [[maybe_unused]] const int cut = ::ftruncate(fd_, 0);
  [[maybe_unused]] const auto written = ::write(fd_, text.data(), text.size());
}

std::vector<Crash> CrashRecord::all() const {
  const std::lock_guard lock(mutex_);
  return crashes_;
}

bool CrashRecord::knows(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(crashes_.begin(), crashes_.end(), [&](const Crash& crash) { return crash.name == name; });
}

std::optional<Crash> CrashRecord::find(const std::string& name, const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(crashes_.begin(), crashes_.end(), [&](const Crash& c) { return c.name == name; });
  if (found == crashes_.end()) return std::nullopt;
  if (found->key == key) return *found;
  crashes_.erase(found);
  write();
  return std::nullopt;
}

bool CrashRecord::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(crashes_, [&](const Crash& crash) { return crash.name == name; }) == 0) return false;
  write();
  return true;
}

}  // namespace gantry::plugin
