#include "resource_map.hpp"

#include <algorithm>
#include <utility>

#include "gantry/discovery.hpp"
#include "gantry/ownership.hpp"

namespace gantry::garbage_collector {
namespace {

constexpr int64_t kRefreshNs = 1'000'000'000;

bool collectable(const sdk::ServedResource& resource) {
  return resource.name != "events" && resource.can("list") && resource.can("watch") && resource.can("delete");
}

const Resource* find_in(const std::vector<Resource>& list, std::string_view api_version, std::string_view kind) {
  const auto at = sdk::split_api_version(api_version);
  const auto it = std::find_if(list.begin(), list.end(), [&](const Resource& resource) {
    return resource.kind == kind && resource.version == at.version && resource.group == at.group;
  });
  return it == list.end() ? nullptr : &*it;
}

}  // namespace

ResourceMap::List ResourceMap::current() const {
  const std::lock_guard lock(mutex_);
  return list_;
}

Expected<ResourceMap::List> ResourceMap::refresh() {
  uint64_t news = 0;
  {
    const std::lock_guard lock(mutex_);
    news = news_;
    if (list_ != nullptr && host_.monotonic_ns() - read_at_ns_ < kRefreshNs) return list_;
  }
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::DISCOVER);
  const auto answer = host_.call(request);
  if (!answer) return Status(answer.error()).in("discovery");
  auto list = std::make_shared<std::vector<Resource>>();
  for (const auto& bytes : answer->objects()) {
    auto served = sdk::read_resources(bytes);
    if (!served) return std::move(served).error();
    for (auto& resource : *served) {
      if (!collectable(resource)) continue;
      list->push_back({std::move(resource.group), std::move(resource.version), std::move(resource.name),
                       std::move(resource.kind), resource.namespaced});
    }
  }
  const std::lock_guard lock(mutex_);
  if (news_ != news) return List(list);  // it may have been read too early for what is new
  list_ = list;
  read_at_ns_ = host_.monotonic_ns();
  return List(list);
}

Expected<Resource> ResourceMap::find(std::string_view api_version, std::string_view kind) {
  if (const auto known = current()) {
    if (const auto* found = find_in(*known, api_version, kind)) return *found;
  }
  const auto fresh = refresh();
  if (!fresh) return fresh.error();
  if (const auto* found = find_in(**fresh, api_version, kind)) return *found;
  return Status::not_found("the server has no kind " + std::string(kind) + " in " + std::string(api_version));
}

void ResourceMap::saw(std::string_view group, std::string_view resource) {
  const std::lock_guard lock(mutex_);
  const auto is_it = [&](const auto& known) { return known.second == resource && known.first == group; };
  if (std::any_of(seen_.begin(), seen_.end(), is_it)) return;
  seen_.emplace_back(group, resource);
  const auto has_it = [&](const Resource& known) { return known.name == resource && known.group == group; };
  if (list_ != nullptr && std::any_of(list_->begin(), list_->end(), has_it)) return;
  list_ = nullptr;
  ++news_;
}

Expected<std::shared_ptr<const std::vector<Resource>>> ResourceMap::all() {
  if (auto known = current()) return known;
  return refresh();
}

}  // namespace gantry::garbage_collector
