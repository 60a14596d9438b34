// Asks the authorizer, and says no in upstream's words. [any-thread]
#include "core/apiserver/request/authorize.hpp"

#include <memory>
#include <mutex>

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

// What was asked at a head, and the answer: there already, or for whoever asks the same when the body has come.
class HeadQuestion : public std::enable_shared_from_this<HeadQuestion> {
 public:
  HeadQuestion(http::Identity who, auth::Access access) : who_(std::move(who)), access_(std::move(access)) {}

  limits::Answer ask(const auth::Authorizer& authorizer) {
    Asked asked(weak_from_this());
    auto verdict = authorizer.decide(who_, access_, asked);
    // One that takes its time and keeps nothing to answer with gave no answer: a wait would have no end.
    if (!verdict && !asked.taken) verdict = no_answer();
    if (verdict) answer(*verdict);
    return verdict;
  }
  bool is(const http::Identity& who, const auth::Access& access) const { return who == who_ && access == access_; }
  limits::Answer answer_for(limits::Pause& pause) {
    const std::lock_guard lock(mutex_);
    if (!verdict_) waiting_ = pause.later();
    return verdict_;
  }
  void answer(Status verdict) {
    limits::Resume waiting;
    {
      const std::lock_guard lock(mutex_);
      if (verdict_) return;
      verdict_ = std::move(verdict);
      waiting = std::exchange(waiting_, nullptr);
    }
    if (waiting) waiting(*verdict_);
  }
  static Status no_answer() { return Status::internal("the authorizer ended without an answer"); }

 private:
  // Answers when the last copy of a Resume goes, if the request is still there.
  struct LastCopy {
    explicit LastCopy(std::weak_ptr<HeadQuestion> of) : question(std::move(of)) {}
    ~LastCopy() { tell(no_answer()); }
    LastCopy(const LastCopy&) = delete;
    LastCopy& operator=(const LastCopy&) = delete;
    void tell(Status verdict) const {
      if (const auto asked = question.lock()) asked->answer(std::move(verdict));
    }
    const std::weak_ptr<HeadQuestion> question;
  };
  struct Asked : limits::Pause {
    explicit Asked(std::weak_ptr<HeadQuestion> of) : question(std::move(of)) {}
    limits::Resume later() override {
      taken = true;
      return [last = std::make_shared<LastCopy>(question)](Status verdict) { last->tell(std::move(verdict)); };
    }
    const std::weak_ptr<HeadQuestion> question;
    bool taken = false;
  };

  const http::Identity who_;
  const auth::Access access_;
  std::mutex mutex_;
  limits::Answer verdict_;  // set once; by mutex, as what waits for it
  limits::Resume waiting_;
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
  const auto& request = call_->request;
  const auto asked = std::static_pointer_cast<HeadQuestion>(request.checked);
  const auto verdict = settle(asked && asked->is(request.identity, access_)
                                  ? asked->answer_for(*this)
                                  : call_->env->options.authorizer->decide(request.identity, access_, *this));
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

Status authorize_head(Call& call, auth::Access access) {
  const auto question = std::make_shared<HeadQuestion>(call.request.identity, access);
  const auto verdict = question->ask(*call.env->options.authorizer);
  call.request.checked = question;
  return !verdict || verdict->ok() ? Status() : judge(call, access, *verdict);
}

}  // namespace gantry::apiserver
