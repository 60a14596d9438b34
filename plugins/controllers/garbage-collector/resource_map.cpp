#include "resource_map.hpp"

#include <algorithm>
#include <set>
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

ResourceMap::Lists ResourceMap::current() const {
  const std::lock_guard lock(mutex_);
  return lists_;
}

Expected<ResourceMap::Lists> ResourceMap::refresh() {
  uint64_t news = 0;
  {
    const std::lock_guard lock(mutex_);
    news = news_;
    if (lists_.served != nullptr && host_.monotonic_ns() - read_at_ns_ < kRefreshNs) return lists_;
  }
  sdk::ApiRequest request;
  request.set_verb(sdk::ApiRequest::DISCOVER);
  const auto answer = host_.call(request);
  if (!answer) return Status(answer.error()).in("discovery");
  auto list = std::make_shared<std::vector<Resource>>(), once = std::make_shared<std::vector<Resource>>();
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& bytes : answer->objects()) {
    auto served = sdk::read_resources(bytes);
    if (!served) return std::move(served).error();
    for (auto& resource : *served) {
      if (!collectable(resource)) continue;
      const bool first = seen.emplace(resource.group, resource.name).second;  // the preferred version comes first
      list->push_back({std::move(resource.group), std::move(resource.version), std::move(resource.name),
                       std::move(resource.kind), resource.namespaced});
      if (first) once->push_back(list->back());
    }
  }
  const Lists lists{list, once};
  const std::lock_guard lock(mutex_);
  if (news_ != news) return lists;  // it may have been read too early for what is new
  lists_ = lists;
  read_at_ns_ = host_.monotonic_ns();
  return lists;
}

Expected<Resource> ResourceMap::find(std::string_view api_version, std::string_view kind) {
  if (const auto known = current().served) {
    if (const auto* found = find_in(*known, api_version, kind)) return *found;
  }
  const auto fresh = refresh();
  if (!fresh) return fresh.error();
  if (const auto* found = find_in(*fresh->served, api_version, kind)) return *found;
  return Status::not_found("the server has no kind " + std::string(kind) + " in " + std::string(api_version));
}

void ResourceMap::saw(std::string_view group, std::string_view resource) {
  const std::lock_guard lock(mutex_);
  const auto is_it = [&](const auto& known) { return known.second == resource && known.first == group; };
  if (std::any_of(seen_.begin(), seen_.end(), is_it)) return;
  seen_.emplace_back(group, resource);
  const auto has_it = [&](const Resource& known) { return known.name == resource && known.group == group; };
  const auto& once = lists_.once;
  if (once != nullptr && std::any_of(once->begin(), once->end(), has_it)) return;
  lists_ = {};
  ++news_;
}

Expected<std::shared_ptr<const std::vector<Resource>>> ResourceMap::all() {
  if (auto known = current().once) return known;
  const auto fresh = refresh();
  if (!fresh) return fresh.error();
  return fresh->once;
}

}  // namespace gantry::garbage_collector
