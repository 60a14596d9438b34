#include "signals.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string_view>

namespace gantry::oci {
namespace {

const std::map<std::string, int, std::less<>>& by_name() {
  static const std::map<std::string, int, std::less<>> names = {
      {"ABRT", SIGABRT},     {"ALRM", SIGALRM},   {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
      {"CONT", SIGCONT},     {"FPE", SIGFPE},     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
      {"IO", SIGIO},         {"IOT", SIGIOT},     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},
      {"PROF", SIGPROF},     {"PWR", SIGPWR},     {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
      {"STOP", SIGSTOP},     {"SYS", SIGSYS},     {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
      {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
      {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}};
  return names;
}

// "RTMIN", "RTMIN+3", "RTMINPLUS3", "RTMAX-2", "RTMAXMINUS2".
int real_time(std::string_view name) {
  const bool from_min = name.starts_with("RTMIN");
  if (!from_min && !name.starts_with("RTMAX")) return 0;
  name.remove_prefix(5);
  for (const auto* word : {"PLUS", "MINUS", "+", "-"}) {
    if (name.starts_with(word)) {
      name.remove_prefix(std::string_view(word).size());
      break;
    }
  }
  const int offset = std::atoi(std::string(name).c_str());
  const int number = from_min ? SIGRTMIN + offset : SIGRTMAX - offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : 0;
}

int number_of(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  if (name.starts_with("SIGNAL_")) name.erase(0, 7);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (const auto it = by_name().find(name); it != by_name().end()) return it->second;
  if (const int number = real_time(name)) return number;
  const int number = std::atoi(name.c_str());
  return number > 0 && number <= SIGRTMAX ? number : 0;
}

}  // namespace

int stop_signal(gantry::runtime::v1::Signal wanted, const std::string& image) {
  int number = 0;
  if (wanted != gantry::runtime::v1::SIGNAL_RUNTIME_DEFAULT)
    number = number_of(gantry::runtime::v1::Signal_Name(wanted));
  if (number == 0 && !image.empty()) number = number_of(image);
  return number != 0 ? number : SIGTERM;
}

}  // namespace gantry::oci
