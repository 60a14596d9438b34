// gantryd: reads its configuration, starts the daemon, waits for a signal to stop.
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "core/daemon/config.hpp"
#include "core/daemon/daemon.hpp"
#include "core/daemon/logging.hpp"
#include "core/daemon/plugin_control.hpp"
#include "core/daemon/start_signals.hpp"
#include "gantry/abi/log.h"

namespace {

namespace options = boost::program_options;
using gantry::daemon::Config;

struct Arguments {
  std::string config;
  bool check = false, print = false;
};

// The exit status of who only says something.
int said() {
  if (std::cout.flush()) return 0;
  std::cerr << "gantryd: the output could not be written\n";
  return 1;
}

// 0 and nothing to run, 1 when it could not be said, 2 for a mistake, -1 to go on.
int read_arguments(int argc, char** argv, Arguments& out) {
  options::options_description known("Options");
  known.add_options()("config,c", options::value<std::string>(&out.config)->value_name("FILE"),
                      "configuration (default: /etc/gantry/gantry.toml if it exists)")(
      "check-config", options::bool_switch(&out.check), "check the configuration and exit")(
      "print-config", options::bool_switch(&out.print), "print the effective configuration, commented, and exit")(
      "version", "print the version and exit")("help,h", "print this and exit");
  options::variables_map given;
  try {
    options::store(options::command_line_parser(argc, argv).options(known).positional({}).run(), given);
    options::notify(given);
  } catch (const std::exception& error) {
    std::cerr << "gantryd: " << error.what() << "\nTry 'gantryd --help'.\n";
    return 2;
  }
  if (given.count("help") != 0) {
    std::cout << "Usage: gantryd [--config FILE]\n\n"
                 "Runs a Kubernetes API server, its controllers and scheduler, and this machine's pods,\n"
                 "as the roles in the configuration say.\n\n"
              << known;
    return said();
  }
  if (given.count("version") != 0) {
    std::cout << "gantryd " << gantry::daemon::kVersion << "\n";
    return said();
  }
  return -1;
}

// All that was acknowledged is on disk: after this a start that hangs is left as a kill would leave it.
constexpr std::chrono::seconds kStartGrace{5};

const char* name_of(int signal) { return signal == SIGTERM ? "SIGTERM" : "SIGINT"; }

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Waits for the signal that ends the daemon; SIGHUP has it look at its plugins' configuration.
void wait_for_end(gantry::daemon::Daemon& daemon, gantry::daemon::Log& log) {
  gantry::daemon::Signals signals({SIGTERM, SIGINT, SIGHUP});
  for (;;) {
    const int signal = signals.next();
    if (signal == SIGHUP) {
      daemon.reload_configuration();
      continue;
    }
    log.write("", GANTRY_LOG_INFO, std::string("stopping: ") + name_of(signal));
    return;
  }
}

int run(Config config) {
  // Before any thread starts, so that all inherit it: signals are read, and interrupt nobody.
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // An arena a thread costs more memory than the contention it saves here.
  mallopt(M_ARENA_MAX, 2);

  gantry::daemon::Log log(config.log_level, config.log_format);
  gantry::daemon::StartSignals signals(kStartGrace, [&log](int signal) {
    log.write("", GANTRY_LOG_ERROR,
              std::string("stopping: ") + name_of(signal) +
                  "; the start does not end, and the "
                  "daemon ends without it");
    ::_exit(0);
  });
  auto daemon = gantry::daemon::Daemon::start(std::move(config), log);
  const int stopped_by = signals.end();
  if (!daemon) {
    log.write("", GANTRY_LOG_ERROR, daemon.error().message());
    return 1;
  }
  if (stopped_by != 0) {
    log.write("", GANTRY_LOG_INFO, std::string("stopping: ") + name_of(stopped_by));
    (*daemon)->stop();
    return 0;
  }
  log.write("", GANTRY_LOG_INFO, std::string("gantryd ") + gantry::daemon::kVersion + " is running");
  wait_for_end(**daemon, log);
  (*daemon)->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const int code = read_arguments(argc, argv, arguments); code >= 0) return code;
  auto config = gantry::daemon::load_config(arguments.config);
  if (!config) {
    std::cerr << config.error().message() << "\n";
    return 1;
  }
  if (arguments.print) {
    std::cout << gantry::daemon::print_config(*config);
    return said();
  }
  auto mistakes = gantry::daemon::file_mistakes(*config);
  if (arguments.check) {
    // A start goes on without these, and says so.
    for (auto& mistake : gantry::daemon::plugin_mistakes(*config)) mistakes.push_back(std::move(mistake));
  }
  for (const auto& mistake : mistakes) std::cerr << mistake << "\n";
  if (!mistakes.empty()) return 1;
  if (arguments.check) {
    std::cout << (config->file.empty() ? std::string("defaults") : config->file.string()) << ": ok\n";
    return said();
  }
  try {
    return run(std::move(*config));
  } catch (const std::exception& error) {
    std::cerr << "gantryd: " << error.what() << "\n";
    return 1;
  }
}
