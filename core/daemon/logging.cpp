#include "core/daemon/logging.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "gantry/abi/log.h"

namespace gantry::daemon {
namespace {

int32_t level_of(std::string_view name) {
  if (name == "debug") return GANTRY_LOG_DEBUG;
  if (name == "warn") return GANTRY_LOG_WARN;
  if (name == "error") return GANTRY_LOG_ERROR;
  return GANTRY_LOG_INFO;
}

spdlog::level::level_enum spdlog_level(int32_t level) {
  switch (level) {
    case GANTRY_LOG_DEBUG:
      return spdlog::level::debug;
    case GANTRY_LOG_WARN:
      return spdlog::level::warn;
    case GANTRY_LOG_ERROR:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

// A line is a line: what a peer put into a message can't forge another one.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = ' ';
  }
  return out;
}

}  // namespace

struct Log::Impl {
  std::shared_ptr<spdlog::logger> logger;
};

Log::Log(std::string_view level, std::string_view format)
    : impl_(std::make_unique<Impl>()), level_(level_of(level)), json_(format == "json") {
  impl_->logger = std::make_shared<spdlog::logger>("gantryd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  impl_->logger->set_level(spdlog_level(level_));
  impl_->logger->flush_on(spdlog::level::debug);
  impl_->logger->set_pattern(
      json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v",
      spdlog::pattern_time_type::utc);
}

Log::~Log() = default;

void Log::write(std::string_view part, int32_t level, std::string_view text) {
  if (level < level_) return;
  if (json_) {
    impl_->logger->log(spdlog_level(level), "\"part\":{},\"message\":{}",
                       boost::json::serialize(boost::json::string(part)),
                       boost::json::serialize(boost::json::string(text)));
    return;
  }
  if (part.empty()) {
    impl_->logger->log(spdlog_level(level), "{}", one_line(text));
  } else {
    impl_->logger->log(spdlog_level(level), "{}: {}", part, one_line(text));
  }
}

}  // namespace gantry::daemon
