#include "core/daemon/daemon_time.hpp"

#include <algorithm>
#include <fstream>

#include "core/schema/values/values.hpp"
#include "gantry/abi/log.h"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

int64_t begin_of(const Config& config, const fs::path& file) {
  const auto start = schema::parse_time(config.simulation_start);  // its form was checked when it was read
  int64_t begin = start ? *start : 0;
  int64_t kept = 0;
  if (std::ifstream in(file); in >> kept) begin = std::max(begin, kept);
  return begin;
}

}  // namespace

DaemonTime::DaemonTime(const Config& config, Log& log) : file_(config.data_dir / "simulated-time") {
  if (config.simulation_time == "real") {
    timers_ = std::make_unique<plugin::Timers>(system_);
    return;
  }
  plugin::SimulatedTime::Options options;
  options.start_unix_ns = begin_of(config, file_);
  options.seed = static_cast<uint64_t>(config.simulation_seed);
  options.log = [&log](const std::string& text) { log.write("clock", GANTRY_LOG_WARN, text); };
  simulated_ = std::make_unique<plugin::SimulatedTime>(std::move(options));
}

const plugin::Clock& DaemonTime::clock() const {
  if (simulated_) return simulated_->clock();
  return system_;
}

plugin::Timers& DaemonTime::timers() { return simulated_ ? simulated_->timers() : *timers_; }

Status DaemonTime::keep() const {
  if (!simulated_) return {};
  auto fresh = file_;
  fresh += ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << simulated_->clock().now_unix_ns() << "\n";
    if (!out.flush()) return Status::internal("write " + fresh.string());
  }
  std::error_code error;
  fs::rename(fresh, file_, error);
  return error ? Status::internal("rename " + fresh.string() + ": " + error.message()) : Status();
}

}  // namespace gantry::daemon
