// Asks the authorizer, and says no in upstream's words. [any-thread]
#include "core/apiserver/request/authorize.hpp"

#include "core/apiserver/request/documents.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/request/waiting.hpp"

namespace gantry::apiserver {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

Status refusal(const auth::Access& access, const http::Identity& who, std::string_view reason) {
  const std::string user = "User \"" + who.user + "\" cannot " + access.verb;
  const std::string why = reason.empty() ? "" : ": " + std::string(reason);
  if (!access.is_resource) return Status::forbidden("forbidden: " + user + " path \"" + access.path + "\"" + why);
  const std::string qualified = access.resource + (access.group.empty() ? "" : "." + access.group);
  const std::string resource = access.resource + (access.subresource.empty() ? "" : "/" + access.subresource);
  const std::string where = access.ns.empty() ? " at the cluster scope" : " in the namespace \"" + access.ns + "\"";
  const std::string what = access.name.empty() ? qualified : qualified + " \"" + access.name + "\"";
  StatusDetails details;
  details.name = access.name;
  details.group = access.group;
  details.kind = access.resource;
  return Status::forbidden(what + " is forbidden: " + user + " resource \"" + resource + "\" in API group \"" +
                           access.group + "\"" + where + why)
      .with_details(std::move(details));
}

// What a verdict is to the caller. Who has not proved an identity learns nothing but that.
Status judge(const Call& call, const auth::Access& access, const Status& verdict) {
  const auto& request = call.request;
  const auto& who = request.identity;
  if (verdict.code() == 403) {
    return who.anonymous() ? Status::unauthorized("Unauthorized") : refusal(access, who, verdict.message());
  }
  if (verdict.code() != 500) return verdict;
  const std::string uri = request.path + (request.query.empty() ? "" : "?" + request.query);
  return Status::internal("Internal Server Error: " + quoted(uri) + ": " + verdict.message());
}

// Nobody waits for it.
class Glance : public limits::Pause {
 public:
  limits::Resume later() override {
    return [](const Status&) {};
  }
};

}  // namespace

auth::Access access_to_target(const Call& call, std::string_view verb) {
  const auto& target = call.target;
  auth::Access access;
  access.path = call.request.path;
  access.is_resource = true;
  access.verb = verb.empty() ? lower(call.request.method) : std::string(verb);
  access.group = target.group;
  access.version = target.version;
  access.resource = target.resource;
  access.subresource = target.subresource;
  access.ns = target.ns;
  access.name = target.name;
  return access;
}

auth::Access access_to_path(const Call& call) {
  auth::Access access;
  access.path = call.request.path;
  access.verb = lower(call.request.method);
  return access;
}

bool Authorization::ask() {
  const auto verdict = settle(call_->env->options.authorizer->decide(call_->request.identity, access_, *this));
  if (!verdict) return false;
  if (verdict->ok()) return true;
  respond_error(*call_, judge(*call_, access_, *verdict));
  return false;
}

std::shared_ptr<limits::Waiter> Authorization::waiter() const { return std::make_shared<CallWaiter>(call_); }

std::function<void(Status)> Authorization::rest() const {
  return [call = call_, access = access_, next = then()](const Status& verdict) {
    if (!verdict.ok()) return respond_error(*call, judge(*call, access, verdict));
    if (awaited(*call)) next();
  };
}

Status authorize_head(const Call& call, const auth::Access& access) {
  Glance glance;
  const auto verdict = call.env->options.authorizer->decide(call.request.identity, access, glance);
  return !verdict || verdict->ok() ? Status() : judge(call, access, *verdict);
}

}  // namespace gantry::apiserver
