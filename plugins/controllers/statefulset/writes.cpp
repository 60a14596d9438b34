#include "writes.hpp"

#include <utility>

#include "gantry/refusals.hpp"
#include "gantry/writes.hpp"

namespace gantry::statefulset {
namespace {

using sdk::ApiRequest;

template <typename Message>
ApiRequest request_of(ApiRequest::Verb verb, const Message& object) {
  const auto& meta = object.metadata();
  auto request = sdk::Host::request_for<Message>(verb, meta.namespace_(),
                                                 verb == ApiRequest::CREATE ? std::string() : meta.name());
  if (verb != ApiRequest::DELETE) request.set_body(object.SerializeAsString());
  return request;
}

Status outcome_of(const Expected<sdk::ApiResponse>& answer) { return answer ? Status() : answer.error(); }

bool is_taken(const Status& outcome) { return outcome.reason() == "AlreadyExists"; }

// "create" -> "SuccessfulCreate".
std::string reason_of(std::string_view verb, bool good) {
  std::string reason = good ? "Successful" : "Failed";
  reason += static_cast<char>(verb.front() - 'a' + 'A');
  return reason += verb.substr(1);
}

}  // namespace

void Writes::create(const Pod& pod) {
  add(request_of(ApiRequest::CREATE, pod), [this, name = pod.metadata().name()](const Answer& answer) {
    auto outcome = outcome_of(answer);
    if (sdk::is_namespace_ending(outcome)) return Status();
    // A pod of a set that was there before, say: not worth a word, it is tried again.
    if (!is_taken(outcome)) tell("create", name, outcome);
    return outcome;
  });
}

void Writes::update(const Pod& pod) {
  add(request_of(ApiRequest::UPDATE, pod), [this, name = pod.metadata().name()](const Answer& answer) {
    auto outcome = outcome_of(answer);
    if (outcome.code() != 409) tell("update", name, outcome);
    return outcome;
  });
}

void Writes::remove(const Pod& pod) {
  auto request = request_of(ApiRequest::DELETE, pod);
  metav1::DeleteOptions this_one;
  this_one.mutable_preconditions()->set_uid(pod.metadata().uid());
  request.set_body(this_one.SerializeAsString());
  add(std::move(request), [this, name = pod.metadata().name()](const Answer& answer) {
    auto outcome = outcome_of(answer);
    if (outcome.code() == 404 || outcome.code() == 409) return Status();
    tell("delete", name, outcome);
    return outcome;
  });
}

void Writes::create(const PersistentVolumeClaim& claim, const std::string& pod) {
  const auto& name = claim.metadata().name();
  add(request_of(ApiRequest::CREATE, claim), [this, name, pod](const Answer& answer) {
    auto outcome = outcome_of(answer);
    if (sdk::is_namespace_ending(outcome)) return Status();
    if (!is_taken(outcome)) tell_of_claim(name, pod, outcome);
    return outcome.ok() ? outcome : std::move(outcome).in("failed to create PVC " + name);
  });
}

void Writes::update(const PersistentVolumeClaim& claim) {
  add(request_of(ApiRequest::UPDATE, claim), [name = claim.metadata().name()](const Answer& answer) {
    auto outcome = sdk::unless_gone(answer);
    return outcome.ok() ? outcome
                        : std::move(outcome).in("could not update claim " + name + " for delete policy ownerRefs");
  });
}

void Writes::remove(const appsv1::ControllerRevision& revision) {
  add(request_of(ApiRequest::DELETE, revision), [](const Answer& answer) { return sdk::unless_gone(answer); });
}

void Writes::status(appsv1::StatefulSetStatus status) {
  StatefulSet set = set_;
  *set.mutable_status() = status;
  auto request = request_of(ApiRequest::UPDATE, set);
  request.set_subresource("status");
  add(std::move(request), [this, status = std::move(status)](const Answer& answer) {
    if (answer || answer.error().code() != 409) return sdk::unless_gone(answer);
    return sdk::write_status(host_, set_, status);
  });
}

std::vector<Status> Writes::send() {
  const auto requests = std::exchange(requests_, {});
  const auto judges = std::exchange(judges_, {});
  std::vector<Status> outcomes;
  if (requests.empty()) return outcomes;
  for (const auto& answer : host_.call_all(requests)) outcomes.push_back(judges[outcomes.size()](answer));
  return outcomes;
}

void Writes::add(sdk::ApiRequest request, Judge judge) {
  requests_.push_back(std::move(request));
  judges_.push_back(std::move(judge));
}

void Writes::tell(std::string_view verb, const std::string& pod, const Status& outcome) const {
  const std::string what = std::string(verb) + " Pod " + pod + " in StatefulSet " + set_.metadata().name();
  if (outcome.ok()) return event("Normal", reason_of(verb, true), what + " successful");
  event("Warning", reason_of(verb, false), what + " failed error: " + std::string(outcome.message()));
}

void Writes::tell_of_claim(const std::string& claim, const std::string& pod, const Status& outcome) const {
  const std::string where = "Pod " + pod + " in StatefulSet " + set_.metadata().name();
  if (outcome.ok()) return event("Normal", "SuccessfulCreate", "create Claim " + claim + " " + where + " success");
  event("Warning", "FailedCreate",
        "create Claim " + claim + " for " + where + " failed error: " + std::string(outcome.message()));
}

void Writes::event(std::string_view type, std::string_view reason, const std::string& message) const {
  host_.event(set_, kApiVersion, kKind, type, reason, message);
}

}  // namespace gantry::statefulset
