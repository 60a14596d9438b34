#include "core/network/other_nodes.hpp"

#include <algorithm>
#include <charconv>

#include "core/network/retry.hpp"

namespace gantry::network {
namespace {

namespace corev1 = k8s::io::api::core::v1;

constexpr int64_t kRegularlyMs = 300'000;

bool parse(const client::Object& object, corev1::Node& node) {
  return node.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()));
}

uint64_t version_of(const corev1::Node& node) {
  const auto& text = node.metadata().resource_version();
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

}  // namespace

OtherNodes::OtherNodes(Options options)
    : options_(std::move(options)),
      adverts_(*options_.client, options_.self, options_.schedule,
               [this](const std::string& text) { options_.trouble("overlay-advert", text); }) {}

void OtherNodes::start() {
  client::WatchRequest what;
  what.version = "v1";
  what.resource = "nodes";
  client::ReflectorHandler handler;
  handler.replace = [this](const client::Client::List& list) { replace(list); };
  handler.event = [this](const client::WatchEvent& change) { event(change); };
  client::ReflectorOptions watching;
  watching.schedule = options_.schedule;
  watching.run = options_.run;
  reflector_ = client::start_reflector(*options_.client, std::move(what), std::move(handler), std::move(watching));
  if (!options_.network_alone) tell_regularly();
}

void OtherNodes::stop() {
  reflector_.reset();
  pool_.stop();
}

void OtherNodes::open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
  }
  news();
}

abi::OverlayNodes OtherNodes::all() const {
  const std::lock_guard lock(mutex_);
  return listed_ && open_ ? book_.all() : abi::OverlayNodes();
}

void OtherNodes::replace(const client::Client::List& list) {
  std::set<std::string> vanished;
  {
    const std::lock_guard lock(mutex_);
    vanished = book_.names();
  }
  bool self = false;
  for (const auto& object : list.objects) {
    corev1::Node node;
    if (!parse(object, node)) continue;
    vanished.erase(node.metadata().name());
    self = self || node.metadata().name() == options_.self;
    put(node);
  }
  for (const auto& name : vanished) drop(name);
  if (!self) adverts_.lost();
  {
    const std::lock_guard lock(mutex_);
    listed_ = true;
  }
  news();
}

void OtherNodes::event(const client::WatchEvent& event) {
  corev1::Node node;
  if (!parse(event.object, node)) return;
  const bool deleted = event.type == client::WatchEvent::Type::kDeleted;
  if (deleted ? drop(node.metadata().name()) : put(node)) news();
}

bool OtherNodes::put(const corev1::Node& node) {
  if (node.metadata().name() == options_.self) {
    adverts_.seen(advert_of(node.metadata().annotations()), version_of(node));
    return false;
  }
  auto other = overlay_node(node);
  if (options_.network_alone) {
    for (const auto& [key, value] : node.metadata().annotations()) (*other.mutable_advert())[key] = value;
  }
  const std::lock_guard lock(mutex_);
  return book_.put(std::move(other));
}

bool OtherNodes::drop(const std::string& name) {
  if (name == options_.self) {
    adverts_.lost();
    return false;
  }
  const std::lock_guard lock(mutex_);
  return book_.drop(name);
}

void OtherNodes::news() {
  {
    const std::lock_guard lock(mutex_);
    if (!listed_ || !open_ || posted_ || !book_.has_news()) return;
    posted_ = true;
  }
  pool_.post([this] { tell(); });
}

// One at a time: posted_ stays until there is nothing more to tell.
void OtherNodes::tell() {
  abi::OverlayNodes nodes;
  {
    const std::lock_guard lock(mutex_);
    if (options_.network_alone) book_.forget();
    nodes = book_.take();
    if (options_.network_alone && nodes.nodes().empty() && !told_) {
      posted_ = false;
      return;
    }
    told_ = true;
  }
  const auto done = options_.tell(nodes);
  if (!done.ok()) options_.trouble("overlay-nodes", "other nodes: " + done.message());
  int64_t delay = 0;
  {
    const std::lock_guard lock(mutex_);
    failures_ = done.ok() ? 0 : failures_ + 1;
    if (!done.ok()) book_.forget();
    posted_ = book_.has_news();
    if (!posted_) return;
    if (!done.ok()) delay = retry_ms(failures_, 1'000, 60'000);
  }
  if (delay == 0)
    pool_.post([this] { tell(); });
  else  // what changes until then waits, too
    options_.schedule(delay, [this] { pool_.post([this] { tell(); }); });
}

void OtherNodes::tell_regularly() {
  options_.schedule(kRegularlyMs, [this] {
    {
      const std::lock_guard lock(mutex_);
      book_.forget();
    }
    news();
    tell_regularly();
  });
}

}  // namespace gantry::network
