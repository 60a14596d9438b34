// pod_exec: runs a command in a container, over WebSocket or SPDY. [any-thread]
#include <unistd.h>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/streams/remote_command.hpp"
#include "core/apiserver/verbs/containers.hpp"
#include "core/apiserver/verbs/verbs.hpp"

namespace gantry::apiserver {
namespace {

std::vector<std::string> container_names(const Json& pod, std::string_view list) {
  std::vector<std::string> names;
  const Json* containers = find(pod, {"spec", list});
  if (containers == nullptr || !containers->is_array()) return names;
  for (const auto& container : containers->get_array()) names.emplace_back(text_at(container, {"name"}));
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

Status choose_one(const std::string& pod, const std::vector<std::string>& names, const std::vector<std::string>& init) {
  std::string message = "a container name must be specified for pod " + pod;
  if (!names.empty()) message += ", choose one of: [" + joined(names) + "]";
  if (!names.empty() && !init.empty()) message += " or one of the init containers: [" + joined(init) + "]";
  return Status::bad_request(std::move(message));
}

bool has_container(const Json& pod, std::string_view name) {
  for (const std::string_view list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const auto& known : container_names(pod, list)) {
      if (known == name) return true;
    }
  }
  return false;
}

}  // namespace

Expected<FoundContainer> find_container(const Call& call, std::string_view container) {
  const auto& target = call.target;
  const auto entry = call.env->store.get(key_of(call.kind(), target.ns, target.name));
  if (!entry) return not_found(call.kind(), target.name);
  const Json pod = parse_entry(*entry);
  FoundContainer found;
  found.pod = {target.ns, target.name, std::string(text_at(pod, {"metadata", "uid"})),
               std::string(text_at(pod, {"spec", "nodeName"}))};
  if (!container.empty()) {
    if (!has_container(pod, container)) {
      return Status::bad_request("container " + std::string(container) + " is not valid for pod " + target.name);
    }
    found.container = container;
    return found;
  }
  auto names = container_names(pod, "containers");
  if (names.size() != 1) return choose_one(target.name, names, container_names(pod, "initContainers"));
  found.container = std::move(names.front());
  return found;
}

Status no_node(const client::PodRef& pod) {
  return Status::unavailable("the node " + pod.node + " of pod " + pod.name + " cannot be reached");
}

// kubectl learns from the message what is missing.
void not_implemented(const CallPtr& call) {
  const auto& target = call->target;
  respond_error(*call, Status(501, "NotImplemented",
                              target.resource + "/" + target.subresource + " is not implemented by this server"));
}

void pod_exec(const CallPtr& call) {
  const auto& query = call->query;
  auto found = find_container(*call, query.get("container"));
  if (!found) return respond_error(*call, found.error());
  if (found->pod.node.empty()) {
    return respond_error(*call, Status::bad_request("pod " + found->pod.name + " does not have a host assigned"));
  }
  client::ExecOptions options;
  options.container = found->container;
  options.command = query.all("command");
  options.tty = query.flag("tty");
  options.in = query.flag("stdin");
  options.out = query.flag("stdout");
  options.err = query.flag("stderr") && !options.tty;  // a terminal has one output
  if (options.command.empty())
    return respond_error(*call, Status::bad_request("you must specify at least one command for the container"));
  if (call->env->node.load() == nullptr) return respond_error(*call, no_node(found->pod));
  const streams::ExecStreams wanted{options.in, options.out, options.err, options.tty};
  auto start = [env = call->env, pod = found->pod, options = std::move(options)](
                   int in, int out, int err,
                   std::function<void(Expected<int>)> exited) -> Expected<std::unique_ptr<client::ExecSession>> {
    auto* node = env->node.load();
    if (node != nullptr) return node->exec(pod, options, in, out, err, std::move(exited));
    for (const int fd : {in, out, err}) {
      if (fd >= 0) ::close(fd);
    }
    return no_node(pod);
  };
  streams::serve_exec(call->env->loop, call->request, call->exchange, wanted, call->env->options.post,
                      std::move(start));
}

}  // namespace gantry::apiserver
