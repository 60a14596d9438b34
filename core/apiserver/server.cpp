#include "core/apiserver/server.hpp"

#include <algorithm>
#include <future>

#include "core/apiserver/discovery.hpp"
#include "core/apiserver/environment.hpp"
#include "core/apiserver/errors.hpp"
#include "core/apiserver/event_expiry.hpp"
#include "core/apiserver/health.hpp"
#include "core/apiserver/lifecycle.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/strategies/strategy.hpp"
#include "core/apiserver/verbs.hpp"
#include "core/apiserver/watch_session.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/rules.hpp"

namespace gantry::apiserver {
namespace {

using Verb = void (*)(const CallPtr&);

struct Action {
  std::string_view verb;  // as authorization names it
  Verb run = nullptr;
};

bool is_watch(const Call& call) { return call.query.flag("watch"); }

Action read_action(const Call& call) {
  const bool one = !call.target.name.empty();
  const auto& method = call.request.method;
  if (method == "GET" || method == "HEAD") {
    if (is_watch(call)) return {"watch", &watch};
    return one ? Action{"get", &get} : Action{"list", &list};
  }
  if (method == "POST" && !one) return {"create", &create};
  if (method == "PUT" && one) return {"update", &update};
  if (method == "PATCH" && one) return {"patch", &patch};
  if (method == "DELETE") return one ? Action{"delete", &remove} : Action{"deletecollection", &remove_collection};
  return {};
}

Action subresource_action(const Call& call) {
  const auto& name = call.target.subresource;
  const auto& method = call.request.method;
  const std::string_view verb = method == "GET"      ? "get"
                                : method == "POST"   ? "create"
                                : method == "PUT"    ? "update"
                                : method == "PATCH"  ? "patch"
                                : method == "DELETE" ? "delete"
                                                     : "";
  if (name == "log") return {verb, &pod_log};
  if (name == "exec") return {verb, &pod_exec};
  if (name == "binding") return {verb, &bind_pod};
  if (name == "scale") return {verb, &scale};
  if (verb == "get") return {verb, &get};
  if (verb == "update") return {verb, &update};
  if (verb == "patch") return {verb, &patch};
  return {};
}

Action action_of(const Call& call) {
  const auto& kind = call.kind();
  if (call.target.subresource.empty()) {
    auto action = read_action(call);
    return action.run != nullptr && kind.has_verb(action.verb) ? action : Action{};
  }
  const auto* subresource = kind.subresource(call.target.subresource);
  auto action = subresource_action(call);
  const auto& verbs = subresource->verbs;
  return std::find(verbs.begin(), verbs.end(), action.verb) != verbs.end() ? action : Action{};
}

auth::Access access_of(const Call& call, std::string_view verb) {
  auth::Access access;
  const auto& target = call.target;
  access.verb = verb;
  access.group = target.group;
  access.version = target.version;
  access.resource = target.resource;
  access.subresource = target.subresource;
  access.ns = target.ns;
  access.name = target.name;
  access.path = call.request.path;
  access.is_resource = true;
  return access;
}

auth::Access path_access(const http::Request& request) {
  auth::Access access;
  access.verb = request.method == "GET" ? "get" : request.method == "POST" ? "post" : request.method == "PUT" ? "put" : "delete";
  access.path = request.path;
  return access;
}

// `pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "n"`
Status refused(const http::Identity& who, const auth::Access& access) {
  if (!access.is_resource) {
    return Status::forbidden("forbidden: User \"" + who.user + "\" cannot " + access.verb + " path \"" + access.path + "\"")
        .with_details({});
  }
  const std::string resource = access.subresource.empty() ? access.resource : access.resource + "/" + access.subresource;
  std::string about = access.group.empty() ? access.resource : access.resource + "." + access.group;
  StatusDetails details;
  details.name = access.name;
  details.group = access.group;
  details.kind = access.resource;
  if (!access.name.empty()) about += " \"" + access.name + "\"";
  std::string message = about + " is forbidden: User \"" + who.user + "\" cannot " + access.verb + " resource \"" +
                        resource + "\" in API group \"" + access.group + "\"";
  message += access.ns.empty() ? " at the cluster scope" : " in the namespace \"" + access.ns + "\"";
  return Status::forbidden(message).with_details(std::move(details));
}

Status read_dry_run(Call& call) {
  for (const auto& value : call.query.all("dryRun")) {
    if (value != "All") {
      return Status::invalid("dryRun: Unsupported value: \"" + value + "\": supported values: \"All\"");
    }
    call.dry_run = true;
  }
  return {};
}

bool answers_objects(const Call& call) {
  return call.target.subresource != "log" && call.target.subresource != "exec";
}

// Everything between the path and the verb.
void serve_resource(const CallPtr& call) {
  const auto& target = call->target;
  if (target.kind == nullptr || (!target.kind->namespaced && !target.ns.empty()) ||
      (!target.subresource.empty() && target.kind->subresource(target.subresource) == nullptr) || !target.rest.empty()) {
    return respond_error(*call, unknown_resource());
  }
  const auto action = action_of(*call);
  if (action.run == nullptr) return respond_error(*call, method_not_supported(*target.kind, call->request.method));
  if (const auto access = access_of(*call, action.verb); !call->env->options.authorizer->allowed(call->request.identity, access)) {
    return respond_error(*call, refused(call->request.identity, access));
  }
  // One namespaced object has a namespace; only lists and watches go without.
  if (target.kind->namespaced && target.ns.empty() && (!target.name.empty() || action.verb == "create")) {
    return respond_error(*call, action.verb == "create" ? method_not_supported(*target.kind, "POST") : unknown_resource());
  }
  if (answers_objects(*call)) {
    auto form = negotiate(call->request.header("accept"));
    if (!form) return respond_error(*call, form.error());
    call->form = *form;
  }
  if (auto status = read_dry_run(*call); !status.ok()) return respond_error(*call, status);
  action.run(call);
}

// Makes a namespace unless it is there; waits for the store.
Status ensure_namespace(const EnvironmentPtr& env, const std::string& name) {
  const auto* kind = env->schema.find_resource("", "v1", "namespaces");
  const std::string key = key_of(*kind, {}, name);
  if (env->store.get(key)) return {};
  Json document = JsonObject{{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", JsonObject{{"name", name}}}};
  begin_object(*env, *kind, document);
  if (const auto& strategy = strategy_of(*kind); strategy.create != nullptr) strategy.create(document);
  schema::apply_defaults(*kind, document);
  store::Write write;
  write.key = key;
  write.value = schema::encode_json(*kind->message, document, &write.revision_at);
  auto written = std::make_shared<std::promise<Status>>();
  auto result = written->get_future();
  env->store.write(std::move(write), [written](const Expected<store::EntryPtr>& entry) {
    written->set_value(entry || entry.error().code() == 409 ? Status() : entry.error());
  });
  return result.get();
}

}  // namespace

ApiServer::ApiServer(std::shared_ptr<Environment> environment) : environment_(std::move(environment)) {}

Expected<std::unique_ptr<ApiServer>> ApiServer::create(const schema::Schema& schema, store::Store& store,
                                                       Options options) {
  auto env = std::make_shared<Environment>(schema, store, std::move(options));
  env->loop = io::EventLoop::start("api");
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    if (auto made = ensure_namespace(env, name); !made.ok()) return std::move(made).in("namespace " + std::string(name));
  }
  std::unique_ptr<ApiServer> server(new ApiServer(env));
  server->expiry_ = std::make_shared<EventExpiry>(env);
  server->expiry_->start();
  return server;
}

ApiServer::~ApiServer() { stop(); }

void ApiServer::add_path(std::string path, PathHandler handler) {
  environment_->paths[std::move(path)] = std::move(handler);
}

void ApiServer::set_node_backend(client::NodeBackend* backend) { environment_->node.store(backend); }

void ApiServer::handle(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  const auto& env = environment_;
  if (is_health_path(request.path)) return answer_health(*env, request, *exchange);
  auto call = std::make_shared<Call>();
  call->env = env;
  call->exchange = exchange;
  call->request = std::move(request);
  if (env->stopping) {
    return respond_error(*call, Status::unavailable("the server is stopping"));
  }
  const std::string& path = call->request.path;
  const bool open = path == "/version" || path == "/version/";
  const bool own = env->discovery->owns(path);
  const auto extra = own ? env->paths.end() : env->paths.find(path);
  if (own || extra != env->paths.end()) {
    const auto access = path_access(call->request);
    if (!open && !env->options.authorizer->allowed(call->request.identity, access)) {
      return respond_error(*call, refused(call->request.identity, access));
    }
    if (own) {
      if (!env->discovery->handle(call->request, exchange)) respond_error(*call, unknown_resource());
      return;
    }
    return extra->second(call->request, exchange);
  }
  call->query = Query(call->request.query);
  if (parse_path(env->schema, path, call->target) && !call->target.group_version_only) {
    if (call->request.identity.anonymous() && call->target.kind == nullptr) {
      return respond_error(*call, refused(call->request.identity, access_of(*call, "get")));
    }
    return serve_resource(call);
  }
  if (const auto access = path_access(call->request); !env->options.authorizer->allowed(call->request.identity, access)) {
    return respond_error(*call, refused(call->request.identity, access));
  }
  respond_error(*call, unknown_resource());
}

void ApiServer::stop() {
  if (environment_->stopping.exchange(true)) return;
  if (expiry_) expiry_->stop();
  std::vector<std::shared_ptr<WatchSession>> sessions;
  {
    const std::lock_guard lock(environment_->sessions_mutex);
    for (const auto& [raw, weak] : environment_->sessions) {
      if (auto session = weak.lock()) sessions.push_back(std::move(session));
    }
  }
  for (const auto& session : sessions) session->finish();
  environment_->loop->stop();
}

}  // namespace gantry::apiserver
