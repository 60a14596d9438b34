// pod_log: the log of one container, as the node that runs it gives it. [any-thread]
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/streams/fd_pump.hpp"
#include "core/apiserver/streams/websocket_stream.hpp"
#include "core/apiserver/verbs/containers.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/files/unique_fd.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::apiserver {
namespace {

StatusCause too_small(std::string_view field, int64_t value, std::string_view rule) {
  return {"FieldValueInvalid", "Invalid value: " + std::to_string(value) + ": " + std::string(rule),
          std::string(field)};
}

Status check_options(const Call& call, const client::LogOptions& options) {
  std::vector<StatusCause> causes;
  if (options.tail_lines && *options.tail_lines < 0) {
    causes.push_back(too_small("tailLines", *options.tail_lines, "must be greater than or equal to 0"));
  }
  if (options.limit_bytes && *options.limit_bytes < 1) {
    causes.push_back(too_small("limitBytes", *options.limit_bytes, "must be greater than 0"));
  }
  if (options.since_seconds && options.since_unix_ns) {
    causes.push_back(
        {"FieldValueForbidden", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified", ""});
  } else if (options.since_seconds && *options.since_seconds < 1) {
    causes.push_back(too_small("sinceSeconds", *options.since_seconds, "must be greater than 0"));
  }
  if (causes.empty()) return {};
  schema::Kind kind;
  kind.version = "v1";
  kind.kind = "PodLogOptions";
  return schema::invalid_status(kind, call.target.name, std::move(causes));
}

Expected<client::LogOptions> read_options(const Call& call) {
  client::LogOptions options;
  const auto& query = call.query;
  options.container = query.get("container");
  options.follow = query.flag("follow");
  options.previous = query.flag("previous");
  options.timestamps = query.flag("timestamps");
  const std::pair<std::string_view, std::optional<int64_t>*> numbers[] = {{"tailLines", &options.tail_lines},
                                                                          {"sinceSeconds", &options.since_seconds},
                                                                          {"limitBytes", &options.limit_bytes}};
  for (const auto& [key, into] : numbers) {
    auto number = query.number(key);
    if (!number) return number.error();
    *into = *number;
  }
  if (const auto since = query.get("sinceTime"); !since.empty()) {
    auto time = schema::parse_time(since);
    if (!time) return Status::bad_request(time.error().message());
    options.since_unix_ns = *time;
  }
  if (auto status = check_options(call, options); !status.ok()) return status;
  return options;
}

// On a worker: asking the node may take a while.
void serve_log(const CallPtr& call, const client::PodRef& pod, const client::LogOptions& options) {
  auto* node = call->env->node.load();
  if (node == nullptr) return respond_error(*call, no_node(pod));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return respond_error(*call, Status::internal(std::string("pipe: ") + std::strerror(errno)));
  }
  io::UniqueFd read_end(ends[0]);
  if (auto status = node->logs(pod, options, ends[1]); !status.ok()) return respond_error(*call, status);
  auto stream = streams::wants_websocket(call->request) ? streams::websocket_stream(call->request, *call->exchange)
                                                        : call->exchange->start_stream(200, "text/plain");
  if (!stream) return;  // dropping the pipe's end tells the node
  streams::pump_log(call->env->loop, read_end.release(), std::move(stream));
}

}  // namespace

void pod_log(const CallPtr& call) {
  auto options = read_options(*call);
  if (!options) return respond_error(*call, options.error());
  auto found = find_container(*call, options->container);
  if (!found) return respond_error(*call, found.error());
  options->container = found->container;
  // A pod that no node has taken yet has said nothing.
  if (found->pod.node.empty()) return call->exchange->respond(response_of(*call, 204, {}, "text/plain"));
  call->env->options.post([call, pod = found->pod, options = std::move(*options)] { serve_log(call, pod, options); });
}

}  // namespace gantry::apiserver
