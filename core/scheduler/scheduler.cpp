#include "core/scheduler/scheduler.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "core/client/refusals.hpp"
#include "core/limits/notices.hpp"
#include "core/scheduler/choose.hpp"
#include "core/scheduler/messages.hpp"
#include "gantry/abi/log.h"

namespace gantry::scheduler {

Scheduler::Scheduler(SchedulerOptions options) : options_(std::move(options)), life_(std::make_shared<Life>()) {
  life_->scheduler = this;
}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  thread_ = std::thread([this] { run(); });
  client::WatchRequest nodes;
  nodes.version = "v1";
  nodes.resource = "nodes";
  client::WatchRequest pods = nodes;
  pods.resource = "pods";
  client::WatchRequest namespaces = nodes;
  namespaces.resource = "namespaces";
  client::WatchRequest budgets = nodes;
  budgets.group = "policy";
  budgets.resource = "poddisruptionbudgets";
  budgets_watch_ = client::start_reflector(*options_.client, budgets,
                                           {[this](client::Client::List list) { replace_budgets(list); },
                                            [this](client::WatchEvent event) { on_budget(event); }},
                                           watching());
  nodes_ = client::start_reflector(*options_.client, nodes,
                                   {[this](client::Client::List list) { replace_nodes(list); },
                                    [this](client::WatchEvent event) { on_node(event); }},
                                   watching());
  namespaces_ = client::start_reflector(*options_.client, namespaces,
                                        {[this](client::Client::List list) { replace_namespaces(list); },
                                         [this](client::WatchEvent event) { on_namespace(event); }},
                                        watching());
  pods_ = client::start_reflector(
      *options_.client, pods,
      {[this](client::Client::List list) { replace_pods(list); }, [this](client::WatchEvent event) { on_pod(event); }},
      watching());
}

client::ReflectorOptions Scheduler::watching() {
  client::ReflectorOptions options;
  options.schedule = options_.schedule;
  options.run = [this](std::function<void()> read) { later(std::move(read)); };
  return options;
}

void Scheduler::later(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    inboxes_.push_back(std::move(work));
    bell_.ring();
  }
  wake_.notify_one();
}

void Scheduler::read_inboxes(std::unique_lock<std::mutex>& lock) {
  if (inboxes_.empty()) return;
  const auto inboxes = std::exchange(inboxes_, {});
  lock.unlock();
  for (const auto& read : inboxes) read();
  lock.lock();
}

void Scheduler::stop() {
  pods_.reset();
  nodes_.reset();
  namespaces_.reset();
  budgets_watch_.reset();
  {
    const std::lock_guard hold(life_->mutex);
    life_->scheduler = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Scheduler::Counts Scheduler::counts() const {
  const std::lock_guard lock(mutex_);
  return {queue_.active(), queue_.backing_off(), queue_.waiting(), bindings_.size()};
}

void Scheduler::run() {
  pthread_setname_np(pthread_self(), "scheduler");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    read_inboxes(lock);
    if (stopped_) return;
    const int64_t now = options_.clock->monotonic_ns();
    const bool may = pods_synced_ && nodes_synced_ && namespaces_synced_ && budgets_synced_ &&
                     bindings_.size() < options_.max_bindings;
    const WaitingPtr pod = may ? queue_.pop(now) : nullptr;
    if (pod == nullptr) {
      if (!inboxes_.empty()) continue;
      const auto due = may ? queue_.next_due() : std::nullopt;
      wait_locked(lock, due, now);
      continue;
    }
    attempt(lock, pod, now);
  }
}

void Scheduler::attempt(std::unique_lock<std::mutex>& lock, const WaitingPtr& pod, int64_t now) {
  const auto& nodes = cache_.nodes();
  const Choice choice = choose(*pod, cache_, next_node_, nominations_);
  if (!nodes.empty()) next_node_ = (next_node_ + choice.looked) % nodes.size();
  if (choice.node == nullptr) {
    queue_.unschedulable(pod, now, choice.helped_by, choice.topics);
    std::string message = choice.message;
    const Clearing clearing = preempt_locked(pod, choice, message);
    const bool news = queue_.is_news(pod->uid, message);
    lock.unlock();
    report_unschedulable(pod, message, news, clearing.nominated);
    carry_out(pod, clearing);
    lock.lock();
    return;
  }
  const std::string node = choice.node->facts.name;
  cache_.add_pod(pod, node, true);
  tell_topics_locked();
  bindings_[pod->uid] = {pod, node};
  lock.unlock();
  bind(pod, node);
  lock.lock();
}

void Scheduler::wait_locked(std::unique_lock<std::mutex>& lock, std::optional<int64_t> due, int64_t now) {
  if (options_.simulated) return wait_simulated_locked(lock, due, now);
  if (due)
    wake_.wait_for(lock, std::chrono::nanoseconds(std::max<int64_t>(*due - now, 1'000'000)));
  else
    wake_.wait(lock);
}

void Scheduler::wait_simulated_locked(std::unique_lock<std::mutex>& lock, std::optional<int64_t> due, int64_t now) {
  if (due && *due != timer_due_) {
    timer_due_ = *due;
    lock.unlock();
    options_.schedule((*due - now + 999'999) / 1'000'000, [life = life_] {
      const std::lock_guard hold(life->mutex);
      if (life->scheduler == nullptr) return;
      {
        const std::lock_guard waiting(life->scheduler->mutex_);
        life->scheduler->timer_due_ = 0;
        life->scheduler->bell_.ring();
      }
      life->scheduler->wake_.notify_one();
    });
    lock.lock();
    return;  // something may have come meanwhile
  }
  bell_.leave();
  wake_.wait(lock, [this] { return stopped_ || bell_.rung(); });
  lock.unlock();
  bell_.enter();
  lock.lock();
}

void Scheduler::bind(const WaitingPtr& pod, const std::string& node) {
  auto request = request_for(*pod, client::ApiRequest::CREATE);
  request.set_subresource("binding");
  request.set_body(binding_body(*pod, node));
  options_.client->call(std::move(request), [life = life_, pod, node](Expected<client::ApiResponse> answer) {
    const std::lock_guard hold(life->mutex);
    if (life->scheduler != nullptr) life->scheduler->bound(pod, node, answer ? Status() : answer.error());
  });
}

void Scheduler::bound(const WaitingPtr& pod, const std::string& node, const Status& status) {
  {
    const std::lock_guard lock(mutex_);
    bindings_.erase(pod->uid);
    if (status.ok()) {
      queue_.done(pod->uid);
    } else {
      if (cache_.remove_assumed(pod)) happened_locked(Changes::kPodGone);
      tell_topics_locked();
      // 404: deleted meanwhile; 409: somebody else bound it, or it is being deleted. The watch tells the rest. What can
      // never succeed waits for a change, or five minutes.
      const int64_t now = options_.clock->monotonic_ns();
      if (client::is_final(status))
        queue_.unschedulable(pod, now, Changes::kAny);
      else if (status.code() != 404 && status.code() != 409)
        queue_.failed(pod, now);
    }
    bell_.ring();
  }
  wake_.notify_one();
  if (status.ok()) {
    options_.record_event(reference_body(*pod), "Normal", "Scheduled",
                          "Successfully assigned " + pod->ns + "/" + pod->name + " to " + node);
  } else if (status.code() != 404) {
    trouble("pod-not-bound", "binding " + pod->key() + " to " + node + ": " + status.message());
  }
}

client::ApiRequest Scheduler::request_for(const PodInfo& pod, client::ApiRequest::Verb verb) const {
  client::ApiRequest request;
  request.set_verb(verb);
  if (verb == client::ApiRequest::PATCH) request.set_patch_type(client::ApiRequest::STRATEGIC_MERGE_PATCH);
  request.set_version("v1");
  request.set_resource("pods");
  request.set_namespace_(pod.ns);
  request.set_name(pod.name);
  return request;
}

void Scheduler::report_unschedulable(const WaitingPtr& pod, const std::string& message, bool news,
                                     const std::optional<std::string>& nominated) {
  options_.record_event(reference_body(*pod), "Warning", "FailedScheduling", message);
  if (!news && !nominated) return;  // the status says so already
  auto request = request_for(*pod, client::ApiRequest::PATCH);
  request.set_subresource("status");
  request.set_body(unschedulable_patch(*pod, message, options_.clock->now_unix_ns(), nominated));
  options_.client->call(std::move(request), [life = life_, pod](const Expected<client::ApiResponse>& answer) {
    const std::lock_guard hold(life->mutex);
    if (!answer && life->scheduler != nullptr) life->scheduler->not_reported(pod, answer.error());
  });
}

// The next vain attempt says it again, unless the server will never take it.
void Scheduler::not_reported(const WaitingPtr& pod, const Status& why) {
  if (why.code() == 404 || why.code() == 409) return;
  if (!client::is_final(why)) {
    const std::lock_guard lock(mutex_);
    queue_.forget_news(pod->uid);
  }
  trouble("status-refused", "the condition PodScheduled of pod " + pod->key() + ": " + why.message());
}

void Scheduler::trouble(std::string_view topic, const std::string& text) const {
  if (options_.notices != nullptr)
    options_.notices->tell(topic, "scheduler", GANTRY_LOG_WARN, text);
  else
    options_.log(GANTRY_LOG_WARN, text);
}

}  // namespace gantry::scheduler
