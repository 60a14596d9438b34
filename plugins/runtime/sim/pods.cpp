#include "pods.hpp"

#include <algorithm>
#include <charconv>

#include "pod_events.hpp"
#include "pod_status.hpp"

namespace gantry::sim {
namespace {

int64_t version_of(const metav1::ObjectMeta& meta) {
  int64_t value = 0;
  const auto& text = meta.resource_version();
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string key_of(std::string_view ns, std::string_view name) { return std::string(ns).append("/").append(name); }

int64_t wait_ms(std::optional<int64_t> due, int64_t now) { return due ? (*due - now + kMilli - 1) / kMilli : 0; }

}  // namespace

// What an answer needs to find its way.
struct Pods::Call {
  Pods& pods;
  RecordPtr record;
  std::string ns, name;
};

Pods::Pods(sdk::Host host, const Settings& settings, Addresses& addresses, const Nodes& nodes, UsagePlayer& usage)
    : host_(host), settings_(settings), addresses_(addresses), nodes_(nodes), usage_(usage) {}

Pods::~Pods() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return calls_ == 0; });
}

int64_t Pods::reconcile(const std::string& ns, const std::string& name) {
  std::call_once(adopted_, [this] { adopt_addresses(); });
  auto pod = host_.cached<corev1::Pod>(ns, name);
  const int64_t node = pod ? nodes_.index(pod->spec().node_name()) : -1;
  if (node < 0) {
    forget(key_of(ns, name));
    usage_.forget(ns, name);
    return 0;
  }
  if (!nodes_.works(node)) return 0;
  const int64_t now = host_.now_unix_ns();
  const auto behaviour = behaviour_of(*pod, settings_.timing);
  const auto record = find(*pod, node, behaviour, now);
  const auto turn = turn_of(*record, version_of(pod->metadata()));
  if (turn == Turn::kWait) return 0;
  auto& hollow = record->hollow;
  if (leave(record, *pod, turn)) return 0;
  if (turn == Turn::kNews || hollow.is_due(now)) act(record, *pod, behaviour, now);
  return wait_ms(hollow.next_due(now), now);
}

// Before the first address is given away, those that pods have from before a restart are taken.
void Pods::adopt_addresses() {
  const auto pods = host_.cached_list<corev1::Pod>("");
  if (!pods) return;
  for (const auto& pod : *pods) {
    const int64_t node = nodes_.index(pod.spec().node_name());
    if (node >= 0 && !pod.status().pod_ip().empty()) addresses_.reserve(node, pod.status().pod_ip());
  }
}

Pods::RecordPtr Pods::find(const corev1::Pod& pod, int64_t node, const Behaviour& behaviour, int64_t now) {
  const auto key = key_of(pod.metadata().namespace_(), pod.metadata().name());
  {
    const std::lock_guard lock(mutex_);
    const auto it = records_.find(key);
    if (it != records_.end() && it->second->uid == pod.metadata().uid()) return it->second;
  }
  forget(key);  // an earlier pod of this name
  auto made = std::make_shared<Record>(pod, node, behaviour, settings_.seed, now);
  const std::lock_guard lock(mutex_);
  records_[key] = made;
  return made;
}

void Pods::forget(const std::string& key) {
  RecordPtr gone;
  {
    const std::lock_guard lock(mutex_);
    const auto it = records_.find(key);
    if (it == records_.end()) return;
    gone = std::move(it->second);
    records_.erase(it);
  }
  if (gone->has_ip) addresses_.give_back(gone->node, gone->ip);
}

Pods::Turn Pods::turn_of(Record& record, int64_t version) {
  const std::lock_guard lock(mutex_);
  if (record.in_flight) {
    record.again = true;
    return Turn::kWait;
  }
  if (version < record.written) return Turn::kWait;
  const bool changed = version != std::exchange(record.seen, version);
  if (std::exchange(record.failed, false)) return Turn::kNews;
  if (version == record.written) return Turn::kOwnWrite;
  return changed ? Turn::kNews : Turn::kNothingNew;
}

// The end has been reported: the object may go. True when it is being removed.
bool Pods::leave(const RecordPtr& record, const corev1::Pod& pod, Turn turn) {
  if (turn != Turn::kOwnWrite || !pod.metadata().has_deletion_timestamp() || !record->hollow.over()) return false;
  remove(record, pod);
  return true;
}

void Pods::act(const RecordPtr& record, corev1::Pod& pod, const Behaviour& behaviour, int64_t now) {
  auto& hollow = record->hollow;
  std::vector<HollowContainer> before;
  if (settings_.events) before = hollow.containers();
  hollow.advance(pod, behaviour, now);
  if (settings_.events) record_events(host_, pod, before, hollow);
  hold_address(*record, pod);
  usage_.follow(pod, behaviour, hollow);
  const std::string host_ip = Addresses::node_address(record->node);
  auto status = build_status({.pod = pod,
                              .hollow = hollow,
                              .ready = behaviour.ready,
                              .host_ip = host_ip,
                              .pod_ip = pod.spec().host_network() ? host_ip : record->ip,
                              .now_ns = now});
  if (!same_status(status, pod.status())) return write_status(record, pod, std::move(status));
  if (pod.metadata().has_deletion_timestamp() && hollow.over()) remove(record, pod);
}

// Pods of the host's network need none; one that is over keeps its own in the status, but others may have it.
void Pods::hold_address(Record& record, const corev1::Pod& pod) {
  if (pod.spec().host_network()) return;
  if (record.hollow.over()) {
    if (std::exchange(record.has_ip, false)) addresses_.give_back(record.node, record.ip);
    return;
  }
  if (record.has_ip) return;
  if (record.ip.empty()) record.ip = addresses_.take(record.node);
  record.has_ip = true;
}

void Pods::write_status(const RecordPtr& record, corev1::Pod& pod, corev1::PodStatus status) {
  *pod.mutable_status() = std::move(status);
  // A status update leaves the spec as it is, whatever is sent: nobody need write or read it.
  pod.clear_spec();
  auto request =
      sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::UPDATE, pod.metadata().namespace_(), pod.metadata().name());
  request.set_subresource("status");
  request.set_body(pod.SerializeAsString());
  send(record, pod, request);
}

void Pods::remove(const RecordPtr& record, const corev1::Pod& pod) {
  metav1::DeleteOptions options;
  options.set_grace_period_seconds(0);
  options.mutable_preconditions()->set_uid(record->uid);
  auto request =
      sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::DELETE, pod.metadata().namespace_(), pod.metadata().name());
  request.set_body(options.SerializeAsString());
  send(record, pod, request);
}

void Pods::send(const RecordPtr& record, const corev1::Pod& pod, const sdk::ApiRequest& request) {
  const auto* client = host_.get<gantry_client>(GANTRY_CLIENT_ID);
  if (client == nullptr || client->call_async == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    record->in_flight = true;
    record->again = false;
    ++calls_;
  }
  auto* call = new Call{*this, record, pod.metadata().namespace_(), pod.metadata().name()};
  client->call_async(
      host_.raw(), to_slice(request.SerializeAsString()),
      [](void* context, gantry_code code, gantry_slice response, gantry_slice error) {
        const std::unique_ptr<Call> done(static_cast<Call*>(context));
        done->pods.answered(*done, code, response, error);
      },
      call);
}

void Pods::answered(Call& call, gantry_code code, gantry_slice response, gantry_slice error) {
  sdk::ApiResponse answer;
  metav1::PartialObjectMetadata written;
  if (code == 0 && answer.ParseFromArray(response.data, static_cast<int>(response.size)) && !answer.is_status() &&
      answer.objects_size() == 1) {
    written.ParseFromString(answer.objects(0));
  }
  int64_t retry_ms = 0;
  bool again = false;
  {
    const std::lock_guard lock(mutex_);
    auto& record = *call.record;
    record.in_flight = false;
    again = record.again;
    if (code == 0) {
      record.failures = 0;
      record.written = std::max(record.written, version_of(written.metadata()));
    } else if (code != 404) {
      // A conflict: the cache is about to show the newer object. Anything else: later and later.
      retry_ms = code == 409 ? 10 : std::min<int64_t>(10'000, 100 << std::min<int64_t>(record.failures++, 7));
      record.failed = true;
    }
  }
  if (code != 0 && code != 404 && code != 409) {
    host_.warn("pod " + call.ns + "/" + call.name + ": " + status_of(code, to_view(error)).message());
  }
  if (retry_ms > 0)
    host_.enqueue_after(call.ns, call.name, retry_ms);
  else if (again)
    host_.enqueue(call.ns, call.name);
  const std::lock_guard lock(mutex_);
  if (--calls_ == 0) idle_.notify_all();
}

void Pods::queue_node(const std::string& node) const {
  const auto pods = host_.cached_list<corev1::Pod>("");
  if (!pods) return;
  for (const auto& pod : *pods) {
    if (pod.spec().node_name() == node) host_.enqueue(pod.metadata().namespace_(), pod.metadata().name());
  }
}

}  // namespace gantry::sim
