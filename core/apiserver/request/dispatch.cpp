// From a request to its verb. [any-thread]
#include "core/apiserver/request/dispatch.hpp"

#include <algorithm>
#include <chrono>

#include "core/apiserver/discovery/discovery.hpp"
#include "core/apiserver/discovery/health.hpp"
#include "core/apiserver/request/authorize.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/request/write_options.hpp"
#include "core/apiserver/verbs/subresources.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/apiserver/verbs/write_call.hpp"
#include "core/schema/values/times.hpp"

namespace gantry::apiserver {
namespace {

using Verb = void (*)(const CallPtr&);

struct Route {
  std::string_view name;
  Verb run = nullptr;
};

// The verb of a request for a resource, in the words of authorization.
Route main_route(const Call& call) {
  const auto& method = call.request.method;
  const bool named = !call.target.name.empty();
  if (method == "GET" && named) return {"get", get};
  if (method == "GET") return call.query.flag("watch") ? Route{"watch", watch} : Route{"list", list};
  if (method == "POST") {
    const bool through = call.target.kind != nullptr && call.target.kind->behavior->written_through != nullptr;
    return {"create", named && call.target.subresource.empty() ? nullptr : through ? write_through : create};
  }
  if (method == "PUT") return {"update", named ? update : nullptr};
  if (method == "PATCH") return {"patch", named ? patch : nullptr};
  if (method == "DELETE") return named ? Route{"delete", remove} : Route{"deletecollection", remove_collection};
  return {};
}

Route route_of(const Call& call) {
  Route route = main_route(call);
  if (call.target.subresource.empty()) return route;
  const auto& target = call.target;
  const auto* known = find_subresource(target.subresource);
  if (known != nullptr && known->run == nullptr) return route;
  if (known != nullptr) {
    route.run = known->run;
  } else {
    const bool written = target.kind != nullptr && find_write(*target.kind, target.subresource) != nullptr;
    route.run = written ? write_subresource : nullptr;
  }
  return route;
}

bool has_verb(const schema::Subresource& subresource, std::string_view verb) {
  return std::find(subresource.verbs.begin(), subresource.verbs.end(), verb) != subresource.verbs.end();
}

bool is_read(std::string_view verb) { return verb == "get" || verb == "list" || verb == "watch"; }

bool is_stream(const Call& call) {
  const auto* known = find_subresource(call.target.subresource);
  return known != nullptr && known->streams;
}

bool connects(const Call& call) {
  const auto* known = find_subresource(call.target.subresource);
  return known != nullptr && known->connects;
}

// How large a document a request makes the server work on, by its body: a short one may stand for a long one, or for
// many. Those that stream read the object first.
size_t bytes_at_work(const Call& call, const Route& route) {
  constexpr size_t kUnknown = kShortDocument + 1;
  const std::string_view body = call.request.body;
  const size_t query = call.request.query.size();
  if (query > kShortDocument && !is_stream(call)) return query;  // a selector
  if (is_stream(call)) {
    const auto entry = call.env->store.get(key_of(call.kind(), call.target.ns, call.target.name));
    return entry == nullptr ? 0 : entry->value.size();
  }
  if (route.name == "deletecollection") return kUnknown;
  if (body.size() > kShortDocument || body.empty()) return body.size();
  const auto type = call.request.header("content-type");
  // What a patch copies, and what an alias names, may be there again and again.
  const bool copies =
      type.starts_with("application/json-patch") && (body.find("copy") != body.npos || body.find('\\') != body.npos);
  const bool repeats = type.find("yaml") != type.npos && body.find('*') != body.npos;
  return copies || repeats ? kUnknown : body.size();
}

bool is_served(const Call& call, const Route& route) {
  const auto& target = call.target;
  if (route.run == nullptr) return false;
  return target.subresource.empty() ? target.kind->has_verb(route.name)
                                    : has_verb(*target.kind->subresource(target.subresource), route.name);
}

// How long somebody waits for the answer; a watch, and what streams, have times of their own.
Status read_deadline(Call& call) {
  std::chrono::nanoseconds timeout = kLongestWait;
  if (const auto text = call.query.get("timeout"); !text.empty()) {
    const auto wanted = schema::parse_duration(text);
    if (!wanted) {
      return Status::bad_request("invalid timeout specified in the request URL - " + wanted.error().message());
    }
    if (*wanted > 0) timeout = std::min(timeout, std::chrono::nanoseconds(*wanted));
  }
  call.deadline = std::chrono::steady_clock::now() + timeout;
  return {};
}

// The methods of what was asked for, whichever of them the caller may use.
std::string allowed_methods(const Call& call) {
  std::string out;
  Call other;
  other.target = call.target;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    other.request.method = method;
    const Route route = route_of(other);
    if (!is_served(other, route)) continue;
    out += (out.empty() ? "" : ", ") + std::string(method);
  }
  return out;
}

Status check_target(const Target& target) {
  if (target.kind == nullptr || !target.rest.empty()) return unknown_resource();
  if (!target.kind->namespaced && !target.ns.empty()) return unknown_resource();
  if (target.kind->namespaced && target.ns.empty() && !target.name.empty()) return unknown_resource();
  if (!target.subresource.empty() && target.kind->subresource(target.subresource) == nullptr) return unknown_resource();
  return {};
}

// What he may do, if he can.
void serve_resource(const CallPtr& call, const Route& route) {
  const auto& target = call->target;
  const auto* known = find_subresource(target.subresource);
  // Not in the schema, because they are not served.
  if (known != nullptr && known->missing && target.kind != nullptr && target.kind->subresource("exec") != nullptr) {
    return admit_connection(call, known->run);
  }
  if (auto status = check_target(target); !status.ok()) return respond_error(*call, status);
  if (!is_served(*call, route)) {
    return respond_error(*call,
                         Status::method_not_allowed("the server does not allow this method on the requested resource"),
                         {{"Allow", allowed_methods(*call)}});
  }
  if (!is_stream(*call)) {
    auto form = negotiate(call->request.header("accept"));
    if (!form) return respond_error(*call, form.error());
    call->form = *form;
  }
  if (!is_read(route.name)) {
    if (auto status = read_write_options(*call, route.name); !status.ok()) return respond_error(*call, status);
  }
  const size_t bytes = bytes_at_work(*call, route);
  at_leisure(call, bytes, [call, run = route.run, connection = connects(*call)] {
    if (connection) return admit_connection(call, run);
    run(call);
  });
}

void dispatch_resource(const CallPtr& call) {
  const Route route = route_of(*call);
  if (route.name != "watch" && !is_stream(*call)) {
    if (auto status = read_deadline(*call); !status.ok()) return respond_error(*call, status);
  }
  authorize(call, access_to_target(*call, route.name), [call, route] {
    if (!connects(*call) || route.name == "create") return serve_resource(call, route);
    authorize(call, access_to_target(*call, "create"), [call, route] { serve_resource(call, route); });
  });
}

void serve_path(const CallPtr& call) {
  auto& env = *call->env;
  if (env.discovery->handle(call->request, call->exchange)) return;
  const auto handler = env.paths.find(call->request.path);
  if (handler != env.paths.end()) return handler->second(call->request, call->exchange);
  respond_error(*call, unknown_resource());
}

void dispatch_path(const CallPtr& call) {
  if (auto status = read_deadline(*call); !status.ok()) return respond_error(*call, status);
  authorize(call, access_to_path(*call), [call] { serve_path(call); });
}

// Load balancers and probes ask without credentials.
bool is_open_path(std::string_view path) { return is_health_path(path) || path == "/version" || path == "/version/"; }

// Whoever asks to be somebody else must not be answered as himself.
Status refuse_impersonation(const http::Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (!name.starts_with("impersonate-")) continue;
    const bool user = name == "impersonate-user", group = name == "impersonate-group";
    std::string whom = value.substr(0, 200);
    for (char& c : whom) c = static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e ? '?' : c;
    StatusDetails details;
    details.name = whom;
    details.kind = user ? "users" : group ? "groups" : name == "impersonate-uid" ? "uids" : "userextras";
    return Status::forbidden(details.kind + " \"" + whom + "\" is forbidden: User \"" + request.identity.user +
                             "\" cannot impersonate resource \"" + details.kind +
                             "\" in API group \"\" at the cluster scope: this server does not impersonate anybody; "
                             "ask without --as, and without Impersonate-* headers")
        .with_details(std::move(details));
  }
  return {};
}

// Reads the query, which is charged for as long as it is kept, as the path is.
Status read_query(Call& call) {
  const auto& request = call.request;
  if (const size_t count = Query::count(request.query); count > Query::kMost) {
    return Status::bad_request("the query has " + std::to_string(count) + " parameters, more than " +
                               std::to_string(Query::kMost));
  }
  constexpr size_t kPathCopies = 2;
  call.charge = limits::Charge(request.account);
  auto status = hold(call.charge, Query::cost(request.query) + kPathCopies * request.path.size());
  if (status.ok()) call.query = Query(request.query);
  return status;
}

bool finds_resource(Call& call) {
  const auto& path = call.request.path;
  return !call.env->discovery->owns(path) && parse_path(*call.schema, path, call.target) &&
         !call.target.group_version_only;
}

}  // namespace

// What dispatch() would refuse for who asks, before the body comes.
Status check_head(const EnvironmentPtr& env, http::Request& head) {
  if (auto status = refuse_impersonation(head); !status.ok()) return status;
  if (is_open_path(head.path) || !head.identity.anonymous()) return {};
  Call call;
  call.env = env;
  call.schema = env->schemas.now();
  call.request = head;
  if (auto status = read_query(call); !status.ok()) return status;
  const bool resource = finds_resource(call);
  const auto status =
      authorize_head(call, resource ? access_to_target(call, route_of(call).name) : access_to_path(call));
  head.checked = std::move(call.request.checked);
  return status;
}

void dispatch(const CallPtr& call) {
  const auto& path = call->request.path;
  call->schema = call->env->schemas.now();
  call->env->tell_store(*call->schema);
  if (auto status = read_query(*call); !status.ok()) return respond_error(*call, status);
  if (auto status = refuse_impersonation(call->request); !status.ok()) return respond_error(*call, status);
  if (is_health_path(path)) return respond_health(*call);
  if (path == "/version" || path == "/version/") {
    if (call->env->discovery->handle(call->request, call->exchange)) return;
  }
  if (call->env->stopping) return respond_error(*call, shutting_down());
  if (finds_resource(*call)) return dispatch_resource(call);
  dispatch_path(call);
}

}  // namespace gantry::apiserver
