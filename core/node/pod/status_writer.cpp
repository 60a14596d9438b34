#include "core/node/pod/status_writer.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <utility>

#include "core/client/refusals.hpp"
#include "core/node/pod/status_builder.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kFirstDelayMs = 200, kLastDelayMs = 10'000;
const client::ResourceRef kPods{"", "v1", "pods"};

uint64_t revision(const corev1::Pod& pod) {
  const auto& text = pod.metadata().resource_version();
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

class StatusWriter::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(client::Client& client, Hooks hooks) : client_(client), hooks_(std::move(hooks)) {}

  void set(const corev1::Pod& pod, corev1::PodStatus status) {
    const auto& uid = pod.metadata().uid();
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      auto& entry = entries_[uid];
      entry.ns = pod.metadata().namespace_();
      entry.name = pod.metadata().name();
      entry.wanted = std::move(status);
      make_text(entry.wanted);
      entry.dirty = true;
      if (entry.busy) return;
      entry.busy = true;
    }
    send(uid, nullptr);
  }

  void seen(const corev1::Pod& pod) {
    const auto& uid = pod.metadata().uid();
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (stopped_ || found == entries_.end()) return;
      auto& entry = found->second;
      if (entry.written && revision(*entry.written) >= revision(pod)) return;
      if (entry.busy) {
        entry.seen_meanwhile = true;
        return;
      }
      // One that was ended by another's word is taken down, not argued with.
      if (is_terminal(pod.status()) && !is_terminal(entry.wanted)) return;
      corev1::Pod ours = pod;
      merge_status(ours, entry.wanted);
      if (same_status(ours.status(), pod.status())) return;
      entry.dirty = entry.busy = true;
    }
    send(uid, std::make_shared<const corev1::Pod>(pod));
  }

  bool settled(const std::string& uid) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(uid);
    return found == entries_.end() || (!found->second.dirty && !found->second.busy);
  }

  void forget(const std::string& uid) {
    const std::lock_guard lock(mutex_);
    entries_.erase(uid);
  }

  void stop() {
    const std::lock_guard calling(hooks_mutex_);
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    entries_.clear();
  }

 private:
  struct Entry {
    std::string ns, name;
    corev1::PodStatus wanted;
    bool dirty = false, busy = false;
    bool seen_meanwhile = false;  // a version came while a write was under way: perhaps another's, over what is written
    std::shared_ptr<const corev1::Pod> written;  // the server's answer to our last write
    int64_t delay_ms = kFirstDelayMs;
  };

  // `fresh`: read after a conflict. Without any version of the pod the API is asked first.
  void send(const std::string& uid, std::shared_ptr<const corev1::Pod> fresh) {
    std::shared_ptr<const corev1::Pod> base = std::move(fresh);
    if (base == nullptr) base = newest(uid);
    client::ApiRequest request;
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (stopped_ || found == entries_.end()) return;
      auto& entry = found->second;
      if (entry.written && (!base || revision(*entry.written) > revision(*base))) base = entry.written;
      if (base == nullptr) {
        request = client::get_request(kPods, entry.ns, entry.name);
      } else {
        entry.dirty = false;
        corev1::Pod pod = *base;
        merge_status(pod, entry.wanted);
        if (same_status(pod.status(), base->status())) {
          entry.busy = false;
        } else {
          request = client::update_request(kPods, entry.ns, entry.name, pod.SerializeAsString(), "status");
        }
      }
    }
    if (!request.has_verb()) return tell(uid);
    const bool reading = request.verb() == client::ApiRequest::GET;
    client_.call(std::move(request),
                 [self = shared_from_this(), uid, reading](const Expected<client::ApiResponse>& response) {
                   reading ? self->read(uid, response) : self->wrote(uid, response);
                 });
  }

  std::shared_ptr<const corev1::Pod> newest(const std::string& uid) {
    const std::lock_guard calling(hooks_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return nullptr;
    }
    return hooks_.newest(uid);
  }

  void read(const std::string& uid, const Expected<client::ApiResponse>& response) {
    auto pod = client::parse_object<corev1::Pod>(response);
    if (!pod) return failed(uid, pod.error());
    if (pod->metadata().uid() != uid) return give_up(uid);
    send(uid, std::make_shared<const corev1::Pod>(std::move(*pod)));
  }

  void wrote(const std::string& uid, const Expected<client::ApiResponse>& response) {
    auto pod = client::parse_object<corev1::Pod>(response);
    if (!pod) return failed(uid, pod.error());
    bool again = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (found == entries_.end()) return;
      auto& entry = found->second;
      entry.written = std::make_shared<const corev1::Pod>(std::move(*pod));
      entry.delay_ms = kFirstDelayMs;
      again = entry.dirty;
      entry.busy = again;
    }
    again ? send(uid, nullptr) : tell(uid);
  }

  void failed(const std::string& uid, const Status& why) {
    if (why.code() == 404) return give_up(uid);
    if (client::is_final(why)) return refused(uid, why);
    if (why.code() != 409) tell_failure(uid, why, false);
    client::ApiRequest read_again;
    int64_t delay = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (stopped_ || found == entries_.end()) return;
      auto& entry = found->second;
      entry.dirty = true;
      if (why.code() == 409) {
        read_again = client::get_request(kPods, entry.ns, entry.name);
      } else {
        delay = entry.delay_ms;
        entry.delay_ms = std::min(kLastDelayMs, 2 * delay);
      }
    }
    if (read_again.has_verb()) {
      client_.call(std::move(read_again),
                   [self = shared_from_this(), uid](const Expected<client::ApiResponse>& response) {
                     self->read(uid, response);
                   });
      return;
    }
    hooks_.schedule(delay, [weak = weak_from_this(), uid] {
      if (auto self = weak.lock()) self->send(uid, nullptr);
    });
  }

  // The same again would be refused again; what was set meanwhile may be another thing.
  void refused(const std::string& uid, const Status& why) {
    tell_failure(uid, why, true);
    bool again = false;
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (stopped_ || found == entries_.end()) return;
      again = found->second.busy = found->second.dirty;
    }
    again ? send(uid, nullptr) : tell(uid);
  }

  void tell_failure(const std::string& uid, const Status& why, bool for_good) {
    const std::lock_guard calling(hooks_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_ || !hooks_.failed) return;
    }
    hooks_.failed(uid, why, for_good);
  }

  void give_up(const std::string& uid) {
    forget(uid);
    tell(uid);
  }

  void tell(const std::string& uid) {
    const std::lock_guard calling(hooks_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
    }
    hooks_.settled(uid);
    look_again(uid);
  }

  void look_again(const std::string& uid) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = entries_.find(uid);
      if (found == entries_.end() || found->second.busy || !std::exchange(found->second.seen_meanwhile, false)) return;
    }
    if (const auto pod = newest(uid)) seen(*pod);
  }

  client::Client& client_;
  const Hooks hooks_;
  // Held while a hook runs, so that stop() can wait for it; recursive, because an in-process answer comes inside a
  // call.
  std::recursive_mutex hooks_mutex_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  bool stopped_ = false;
};

StatusWriter::StatusWriter(client::Client& client, Hooks hooks)
    : impl_(std::make_shared<Impl>(client, std::move(hooks))) {}
StatusWriter::~StatusWriter() { impl_->stop(); }
void StatusWriter::set(const corev1::Pod& pod, corev1::PodStatus status) { impl_->set(pod, std::move(status)); }
void StatusWriter::seen(const corev1::Pod& pod) { impl_->seen(pod); }
bool StatusWriter::settled(const std::string& uid) const { return impl_->settled(uid); }
void StatusWriter::forget(const std::string& uid) { impl_->forget(uid); }

}  // namespace gantry::node
