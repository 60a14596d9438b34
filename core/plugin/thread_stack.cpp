#include "core/plugin/thread_stack.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>

#include "core/plugin/symbol_table.hpp"

namespace gantry::plugin {
namespace {

constexpr size_t kMaxFrames = 64;
constexpr uint64_t kNone = 0, kClaimed = UINT64_MAX;

// What a signal handler needs it can find nowhere else than in a variable of the process.
struct Request {
  std::mutex mutex;                     // of who asks
  std::atomic<uint64_t> ticket{kNone};  // of the capture that is wanted; claimed while a handler writes
  std::atomic<pid_t> thread{0};
  std::atomic<bool> done{false};
  uint64_t last = 0;
  size_t count = 0;
  std::array<uintptr_t, kMaxFrames> stack{};
  sem_t ready{};
};
Request& request() {
  static Request only;
  return only;
}
// The handler must not run the first call of request(), which takes a lock.
std::atomic<Request*> of_handler{nullptr};

int signal_number() { return SIGRTMIN + 9; }

struct Walk {
  std::array<uintptr_t, kMaxFrames>* stack;
  size_t count;
};

// libgcc finds unwind tables by _dl_find_object, which takes no lock and allocates nothing: fit for a handler.
_Unwind_Reason_Code step(_Unwind_Context* context, void* into) {
  auto& walk = *static_cast<Walk*>(into);
  if (walk.count == kMaxFrames) return _URC_END_OF_STACK;
  int is_before = 0;
  uintptr_t at = _Unwind_GetIPInfo(context, &is_before);
  if (at == 0) return _URC_END_OF_STACK;
  // A return address may be the first of another line, or of another function; the call is just before it.
  (*walk.stack)[walk.count++] = is_before != 0 ? at : at - 1;
  return _URC_NO_REASON;
}

uintptr_t interrupted_at([[maybe_unused]] const void* context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
  return 0;
#endif
}

void handle(int, siginfo_t*, void* context) {
  const int error = errno;
  Request* asked = of_handler.load();
  uint64_t ticket = asked->ticket.load();
  const bool mine = ticket != kNone && ticket != kClaimed && asked->thread.load() == ::gettid();
  if (mine && asked->ticket.compare_exchange_strong(ticket, kClaimed)) {
    Walk walk{&asked->stack, 0};
    _Unwind_Backtrace(&step, &walk);
    // The handler's own frames come first.
    size_t begin = 0;
    while (begin < walk.count && asked->stack[begin] != interrupted_at(context)) ++begin;
    if (begin == walk.count) begin = 0;
    for (size_t i = begin; i < walk.count; ++i) asked->stack[i - begin] = asked->stack[i];
    asked->count = walk.count - begin;
    asked->done = true;
    ::sem_post(&asked->ready);
  }
  errno = error;
}

void install() {
  static const bool installed = [] {
    Request& only = request();
    ::sem_init(&only.ready, 0, 0);
    Walk walk{&only.stack, 0};
    _Unwind_Backtrace(&step, &walk);  // whatever the unwinder does at its first use is done here
    of_handler = &only;
    struct sigaction action {};
    action.sa_sigaction = &handle;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(signal_number(), &action, nullptr) == 0;
  }();
  (void)installed;
}

bool wait_until(Request& asked, std::chrono::steady_clock::time_point end) {
  while (!asked.done) {
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= std::chrono::nanoseconds(0)) return false;
    timespec until{};
    ::clock_gettime(CLOCK_REALTIME, &until);
    const auto ns = until.tv_nsec + std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    until.tv_sec += ns / 1'000'000'000;
    until.tv_nsec = ns % 1'000'000'000;
    ::sem_timedwait(&asked.ready, &until);
  }
  return true;
}

std::string readable(const std::string& symbol) {
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> text(::abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &failed),
                                                    &std::free);
  return failed == 0 && text != nullptr ? text.get() : symbol;
}

}  // namespace

std::vector<uintptr_t> capture_stack(pid_t thread, std::chrono::milliseconds limit) {
  install();
  Request& asked = request();
  const std::lock_guard lock(asked.mutex);
  // A handler that never came back from its walk has the buffer for good.
  if (asked.ticket.load() == kClaimed) return {};
  while (::sem_trywait(&asked.ready) == 0) {
  }
  asked.done = false;
  asked.thread = thread;
  uint64_t ticket = ++asked.last;
  asked.ticket = ticket;
  if (::syscall(SYS_tgkill, ::getpid(), thread, signal_number()) != 0) {
    asked.ticket = kNone;
    return {};
  }
  const auto end = std::chrono::steady_clock::now() + limit;
  if (!wait_until(asked, end)) {
    if (asked.ticket.compare_exchange_strong(ticket, kNone)) return {};
    if (!wait_until(asked, end + limit)) return {};  // it walks just now
  }
  asked.ticket = kNone;
  return {asked.stack.begin(), asked.stack.begin() + static_cast<ptrdiff_t>(asked.count)};
}

std::vector<std::string> describe_stack(const std::vector<uintptr_t>& stack, const std::filesystem::path& image,
                                        const std::filesystem::path& original) {
  std::vector<std::string> lines;
  const auto name = original.filename().string();
  SymbolTable symbols(image, original);
  for (const uintptr_t address : stack) {
    Dl_info info{};
    char offset[32];
    if (::dladdr(reinterpret_cast<void*>(address), &info) == 0 || info.dli_fname == nullptr) {
      std::snprintf(offset, sizeof offset, "0x%zx", static_cast<size_t>(address));
      lines.emplace_back(offset);
      continue;
    }
    const std::filesystem::path file(info.dli_fname);
    const bool own = !image.empty() && file == image;
    const auto at = address - reinterpret_cast<uintptr_t>(info.dli_fbase);
    std::string symbol = own ? symbols.find(at) : "";
    if (symbol.empty() && info.dli_sname != nullptr) symbol = info.dli_sname;
    std::snprintf(offset, sizeof offset, "+0x%zx", static_cast<size_t>(at));
    lines.push_back((own ? name : file.filename().string()) + offset +
                    (symbol.empty() ? "" : " (" + readable(symbol) + ")"));
  }
  return lines;
}

}  // namespace gantry::plugin
