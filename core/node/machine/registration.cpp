// The Node object and its Lease, kept true: a handful of small requests, each started by a timer or an answer.
#include "core/node/machine/registration.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <utility>

#include "core/client/reflector.hpp"
#include "core/client/refusals.hpp"
#include "core/node/machine/lease_keeper.hpp"
#include "core/node/machine/node_status.hpp"
#include "gantry/abi/log.h"
#include "gantry/stable_bytes.hpp"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::node {
namespace {

constexpr int64_t kLookMs = 10'000;             // how often the machine's state is looked at
constexpr int64_t kPokeMs = 50;                 // several reasons to look again are one look
constexpr int64_t kReportNs = 300'000'000'000;  // an unchanged status is written this often
constexpr int64_t kFirstAttemptMs = 200, kLastAttemptMs = 7'000;

uint64_t version_of(const corev1::Node& node) {
  const auto& text = node.metadata().resource_version();
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

std::string without_heartbeats(corev1::NodeStatus status) {
  for (auto& condition : *status.mutable_conditions()) condition.clear_last_heartbeat_time();
  return sdk::stable_bytes(status);
}

const client::ResourceRef& nodes() {
  static const client::ResourceRef ref{"", "v1", "nodes"};
  return ref;
}

// Everything runs under `life_`, so that nothing is called any more once stop() has returned. It is recursive, for the
// in-process client answers from inside call().
class NodeRegistrar : public std::enable_shared_from_this<NodeRegistrar> {
 public:
  NodeRegistrar(const NodeOptions& options, std::function<NodeFacts()> facts, std::function<void()> changed,
                std::function<void(std::function<void()>)> read)
      : options_(options),
        host_(options.plugins->options()),
        facts_(std::move(facts)),
        changed_(std::move(changed)),
        read_(std::move(read)) {}

  void start() {
    event("Normal", "Starting", "Starting kubelet.");
    client::WatchRequest what;
    what.version = "v1";
    what.resource = "nodes";
    what.field_selector = "metadata.name=" + options_.node_name;
    client::ReflectorHandler handler;
    handler.replace = [weak = weak_from_this()](const client::Client::List& list) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      for (const auto& object : list.objects) self->seen(object);
    };
    handler.event = [weak = weak_from_this()](const client::WatchEvent& event) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      if (event.type == client::WatchEvent::Type::kDeleted)
        self->deleted();
      else
        self->seen(event.object);
    };
    client::ReflectorOptions watching;
    watching.schedule = [timers = host_.timers](int64_t delay, std::function<void()> fn) {
      timers->start(delay, std::move(fn));
    };
    watching.run = read_;
    reflector_ = client::start_reflector(*options_.client, std::move(what), std::move(handler), std::move(watching));
    guarded([this] { register_node(); });
    later(kLookMs, [](NodeRegistrar& self) { self.look_regularly(); });
  }

  void stop() {
    reflector_.reset();
    const std::lock_guard hold(life_);
    stopped_ = true;
    lease_.reset();
  }

  void poke() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(poked_, true)) return;
    }
    later(kPokeMs, [](NodeRegistrar& self) {
      {
        const std::lock_guard lock(self.mutex_);
        self.poked_ = false;
      }
      self.report();
    });
  }

  bool registered() const {
    const std::lock_guard lock(mutex_);
    return registered_;
  }
  corev1::Node node() const {
    const std::lock_guard lock(mutex_);
    return node_;
  }

 private:
  template <typename Step>
  void guarded(Step&& step) {
    const std::lock_guard hold(life_);
    if (!stopped_) step();
  }

  void later(int64_t delay_ms, void (*step)(NodeRegistrar&)) {
    host_.timers->start(delay_ms, [weak = weak_from_this(), step] {
      if (const auto self = weak.lock()) self->guarded([&] { step(*self); });
    });
  }

  template <typename Step>
  void call(client::ApiRequest request, Step&& step) {
    options_.client->call(std::move(request), [weak = weak_from_this(), step](Expected<client::ApiResponse> response) {
      const auto self = weak.lock();
      if (self == nullptr) return;
      auto take = [weak, step, response = std::move(response)] {
        const auto alive = weak.lock();
        if (alive != nullptr) alive->guarded([&] { step(*alive, client::parse_object<corev1::Node>(response)); });
      };
      self->read_ ? self->read_(std::move(take)) : take();
    });
  }

  void register_node() {
    corev1::Node fresh;
    fresh.mutable_metadata()->set_name(options_.node_name);
    apply_labels(options_, fresh);
    apply_status(options_, facts_(), host_.clock->now_unix_ns(), fresh);
    call(client::create_request(nodes(), {}, fresh.SerializeAsString()),
         [](NodeRegistrar& self, Expected<corev1::Node> made) {
           if (made) return self.accept(*std::move(made));
           if (made.error().code() == 409) return self.adopt();
           self.trouble("node-not-registered", "registering", made.error());
           self.later(self.next_retry(), [](NodeRegistrar& again) { again.register_node(); });
         });
  }

  // The Node is there from before: its labels are put right, all else of it stays.
  void adopt() {
    call(client::get_request(nodes(), {}, options_.node_name), [](NodeRegistrar& self, Expected<corev1::Node> found) {
      if (!found) {
        if (found.error().code() != 404) self.trouble("node-not-registered", "reading", found.error());
        return self.later(self.next_retry(), [](NodeRegistrar& again) { again.register_node(); });
      }
      if (!apply_labels(self.options_, *found)) return self.accept(*std::move(found));
      auto request = client::update_request(nodes(), {}, self.options_.node_name, found->SerializeAsString());
      self.call(std::move(request), [](NodeRegistrar& again, Expected<corev1::Node> updated) {
        if (updated) return again.accept(*std::move(updated));
        if (updated.error().code() != 409) again.trouble("node-not-registered", "labelling", updated.error());
        again.later(again.next_retry(), [](NodeRegistrar& once_more) { once_more.adopt(); });
      });
    });
  }

  void accept(corev1::Node node) {
    const auto uid = node.metadata().uid();
    {
      const std::lock_guard lock(mutex_);
      registered_ = true;
      retry_ms_ = kFirstAttemptMs;
    }
    take(std::move(node));
    lease_ = keep_lease(options_, uid);
    reported_ns_ = 0;
    refused_.clear();
    report();
    changed_();
  }

  void seen(const client::Object& object) {
    corev1::Node node;
    if (!node.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return;
    // Not under life_: the reflector's own lock is held here, and requests are sent under life_.
    if (registered() && take(std::move(node))) later(0, [](NodeRegistrar& self) { self.changed_(); });
  }

  // True when it is news to the agent: another pod range, or another spec.
  bool take(corev1::Node node) {
    const std::lock_guard lock(mutex_);
    const bool same_node = node.metadata().uid() == node_.metadata().uid();
    if (same_node && version_of(node) < version_of(node_)) return false;
    const bool news = !same_node || node.spec().SerializeAsString() != node_.spec().SerializeAsString();
    node_ = std::move(node);
    return news;
  }

  void deleted() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(registered_, false)) return;
      node_.Clear();
    }
    later(next_retry(), [](NodeRegistrar& self) {
      self.log(GANTRY_LOG_WARN, "the Node object " + self.options_.node_name + " was deleted; registering again");
      self.lease_.reset();
      self.register_node();
    });
  }

  void look_regularly() {
    report();
    later(kLookMs, [](NodeRegistrar& self) { self.look_regularly(); });
  }

  // Writes the status when it changed, or when the last report is old. One write at a time.
  void report() {
    if (reporting_) {
      report_again_ = true;
      return;
    }
    if (!registered()) return;
    auto wanted = node();
    const int64_t now = host_.clock->now_unix_ns();
    auto change = apply_status(options_, facts_(), now, wanted);
    const bool recent = host_.clock->monotonic_ns() - reported_ns_ < kReportNs;
    if (!change.changed && reported_ns_ != 0 && recent) return;
    auto says = without_heartbeats(wanted.status());
    if (recent && says == refused_) return;
    reporting_ = true;
    auto request = client::update_request(nodes(), {}, options_.node_name, wanted.SerializeAsString(), "status");
    call(std::move(request), [says = std::move(says), events = std::move(change.events)](
                                 NodeRegistrar& self, Expected<corev1::Node> updated) {
      self.reporting_ = false;
      if (!updated) return self.report_failed(updated.error(), says);
      self.refused_.clear();
      self.reported_ns_ = self.host_.clock->monotonic_ns();
      {
        const std::lock_guard lock(self.mutex_);
        self.retry_ms_ = kFirstAttemptMs;
      }
      if (self.take(*std::move(updated))) self.changed_();
      for (const auto& [reason, message] : events) self.event("Normal", reason, message);
      if (std::exchange(self.report_again_, false)) self.report();
    });
  }

  void report_failed(const Status& why, const std::string& says) {
    if (client::is_final(why)) {
      // The same again would be refused again: not before it says something else, or the next regular report.
      trouble("status-refused", "the server refuses the status of", why);
      refused_ = says;
      reported_ns_ = host_.clock->monotonic_ns();
      if (std::exchange(report_again_, false)) report();
      return;
    }
    if (why.code() != 409) {
      trouble("status-unwritten", "writing the status of", why);
      return later(next_retry(), [](NodeRegistrar& self) { self.report(); });
    }
    // Somebody wrote meanwhile: on from what is there now.
    call(client::get_request(nodes(), {}, options_.node_name), [](NodeRegistrar& self, Expected<corev1::Node> found) {
      if (found && self.registered() && self.take(*std::move(found))) self.changed_();
      self.later(self.next_retry(), [](NodeRegistrar& again) { again.report(); });
    });
  }

  int64_t next_retry() {
    const std::lock_guard lock(mutex_);
    const int64_t delay = retry_ms_;
    retry_ms_ = std::min(retry_ms_ * 2, kLastAttemptMs);
    return delay;
  }

  void event(std::string_view type, std::string_view reason, std::string_view message) {
    corev1::ObjectReference regarding;
    regarding.set_kind("Node");
    regarding.set_name(options_.node_name);
    // As the kubelet has it: the name stands for the UID, so that `kubectl describe node` finds events from before
    // registration.
    regarding.set_uid(options_.node_name);
    if (options_.record_event) options_.record_event(regarding.SerializeAsString(), type, reason, message);
  }

  void trouble(std::string_view topic, const std::string& doing, const Status& why) const {
    options_.trouble(topic, doing + " node " + options_.node_name + ": " + why.message());
  }

  void log(int32_t level, const std::string& text) {
    if (options_.log) options_.log(level, text);
  }

  const NodeOptions options_;
  const plugin::PluginHostOptions& host_;
  const std::function<NodeFacts()> facts_;
  const std::function<void()> changed_;
  const std::function<void(std::function<void()>)> read_;
  std::recursive_mutex life_;
  bool stopped_ = false;
  bool reporting_ = false, report_again_ = false;
  int64_t reported_ns_ = 0;
  std::string refused_;  // what a status said that the server did not take
  std::shared_ptr<LeaseKeeper> lease_;
  std::unique_ptr<client::Reflector> reflector_;
  mutable std::mutex mutex_;
  corev1::Node node_;
  bool registered_ = false, poked_ = false;
  int64_t retry_ms_ = kFirstAttemptMs;
};

class RegistrationImpl final : public Registration {
 public:
  explicit RegistrationImpl(std::shared_ptr<NodeRegistrar> keeper) : keeper_(std::move(keeper)) {}
  ~RegistrationImpl() override { keeper_->stop(); }
  void start() override { keeper_->start(); }
  void poke() override { keeper_->poke(); }
  bool registered() const override { return keeper_->registered(); }
  corev1::Node node() const override { return keeper_->node(); }

 private:
  std::shared_ptr<NodeRegistrar> keeper_;
};

}  // namespace

std::unique_ptr<Registration> make_registration(const NodeOptions& options, std::function<NodeFacts()> facts,
                                                std::function<void()> changed,
                                                std::function<void(std::function<void()>)> read) {
  return std::make_unique<RegistrationImpl>(
      std::make_shared<NodeRegistrar>(options, std::move(facts), std::move(changed), std::move(read)));
}

}  // namespace gantry::node
