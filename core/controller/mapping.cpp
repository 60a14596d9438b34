#include "core/controller/mapping.hpp"

#include <algorithm>
#include <optional>

#include "core/controller/object_index.hpp"
#include "core/schema/codec/wire.hpp"
#include "gantry/selectors.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/list.pb.h"

namespace gantry::controller {
namespace {

using gantry::abi::ObjectEvent;
using gantry::abi::WatchSpec;
using Event = Informer::Event;

// Another object of the same name is a new one.
bool is_new(const Event& event) { return event.before == nullptr || event.before->uid != event.now->uid; }

bool is_gone(const Event& event) {
  return event.type == ObjectEvent::DELETED || (event.before != nullptr && is_new(event));
}

bool owners_differ(const Event& event) {
  return is_new(event) ? !event.now->owners.empty() : event.now->owners != event.before->owners;
}

metav1::ObjectMeta metadata_of(const CachedObject& object) {
  metav1::PartialObjectMetadata partial;
  partial.ParseFromArray(object.metadata.data(), static_cast<int>(object.metadata.size()));
  return std::move(*partial.mutable_metadata());
}

bool deletion_differs(const Event& event) {
  if (!event.now->deleting) return false;
  if (is_new(event) || !event.before->deleting) return true;
  const auto now = metadata_of(*event.now), before = metadata_of(*event.before);
  return !std::equal(now.finalizers().begin(), now.finalizers().end(), before.finalizers().begin(),
                     before.finalizers().end());
}

std::string_view group_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

bool is_meant(const OwnerRef* owner, const WatchSpec& spec) {
  return owner != nullptr && owner->kind == spec.owner_kind() && group_of(owner->api_version) == spec.owner_group();
}

// The selector at a path. One that ends with 0 leads to a map of labels, as ReplicationControllers have it: on the wire
// an entry each, as a selector's matchLabels are.
std::optional<metav1::LabelSelector> selector_at(std::string_view owner, std::vector<uint32_t> path) {
  metav1::LabelSelector selector;
  const bool is_map = path.size() > 1 && path.back() == 0;
  std::string labels;
  if (is_map) {
    const uint32_t number = path[path.size() - 2];
    path.resize(path.size() - 2);
    schema::wire::Reader reader(find_field(owner, path));
    for (schema::wire::Entry entry; reader.next(entry);) {
      if (entry.number != number || entry.type != schema::wire::Type::kBytes) continue;
      schema::wire::put_bytes(labels, metav1::LabelSelector::kMatchLabelsFieldNumber, entry.bytes);
    }
  }
  const std::string_view bytes = is_map ? labels : find_field(owner, path);
  if (!selector.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return selector;
}

// An owner without a selector, or with an empty one, adopts nothing.
void map_adopters(const WatchSpec& spec, const CachedObject& orphan, const Informer& owners, const EmitKey& emit) {
  const sdk::LabelMap labels(orphan.labels.begin(), orphan.labels.end());
  const std::vector<uint32_t> path(spec.owner_selector().begin(), spec.owner_selector().end());
  for (const auto& owner : owners.list(orphan.ns)) {
    const auto selector = selector_at(owner->object.bytes, path);
    if (selector && !sdk::is_empty(*selector) && sdk::selector_matches(*selector, labels)) emit(owner->ns, owner->name);
  }
}

}  // namespace

bool counts(const WatchSpec& spec, const Event& event) {
  if (spec.interests().empty()) return true;
  const bool gone = is_gone(event), deleted = event.type == ObjectEvent::DELETED;
  return std::any_of(spec.interests().begin(), spec.interests().end(), [&](int interest) {
    switch (interest) {
      case WatchSpec::GONE:
        return gone;
      case WatchSpec::OWNERS:
        return !deleted && owners_differ(event);
      case WatchSpec::DELETION:
        return !deleted && deletion_differs(event);
      default:
        return true;
    }
  });
}

void map_owners(const WatchSpec& spec, const Event& event, const Informer* owners, const EmitKey& emit) {
  const auto& now = *event.now;
  const auto* owner = now.controller();
  const auto* last = event.before == nullptr ? nullptr : event.before->controller();
  if (is_meant(owner, spec)) emit(now.ns, owner->name);
  const bool moved = last != nullptr && (owner == nullptr || owner->uid != last->uid);
  if (moved && is_meant(last, spec)) emit(now.ns, last->name);
  if (spec.owner_selector().empty() || owners == nullptr) return;
  if (owner != nullptr || now.labels.empty() || event.type == ObjectEvent::DELETED) return;
  const auto sorted = [](auto labels) {
    std::sort(labels.begin(), labels.end());
    return labels;
  };
  const bool news = is_new(event) || moved || sorted(now.labels) != sorted(event.before->labels);
  if (news) map_adopters(spec, now, *owners, emit);
}

}  // namespace gantry::controller
