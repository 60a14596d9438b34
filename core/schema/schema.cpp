// What is served at one moment: the tables of a set of trees. Pure once built, any thread.
#include "core/schema/schema.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "core/schema/tree/tree.hpp"

extern "C" {
extern const char gantry_api_descriptors_begin[];
extern const char gantry_api_descriptors_end[];
}

namespace gantry::schema {
namespace {

// Of a group in discovery, as upstream's for custom resources.
constexpr int32_t kLeastPriority = 1000;

using ResourceKey = std::tuple<std::string_view, std::string_view, std::string_view>;
ResourceKey resource_key(const Kind* kind) { return {kind->plural, kind->group, kind->version}; }

// Of versions the newest is preferred, and one that is stable to any that is not: v2, v1, v2beta1, v2alpha1. Others
// come last, by name.
std::tuple<int, int64_t, int64_t> version_rank(std::string_view version) {
  const auto number = [&]() -> int64_t {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), value);
    if (error != std::errc() || value <= 0) return 0;
    version.remove_prefix(static_cast<size_t>(end - version.data()));
    return value;
  };
  constexpr std::tuple<int, int64_t, int64_t> kLast{1, 0, 0};
  if (!version.starts_with('v')) return kLast;
  version.remove_prefix(1);
  const int64_t major = number();
  if (major == 0) return kLast;
  if (version.empty()) return {-3, -major, 0};
  const bool beta = version.starts_with("beta");
  if (!beta && !version.starts_with("alpha")) return kLast;
  version.remove_prefix(beta ? 4 : 5);
  const int64_t minor = number();
  if (minor == 0 || !version.empty()) return kLast;
  return {beta ? -2 : -1, -major, -minor};
}

void sort_for_discovery(std::vector<const Kind*>& kinds) {
  std::map<std::string_view, int32_t> priorities;
  for (const Kind* kind : kinds) {
    int32_t& priority = priorities.try_emplace(kind->group, kLeastPriority).first->second;
    priority = std::max(priority, kind->group_priority);
  }
  const auto key = [&](const Kind* k) {
    return std::tuple(-priorities.at(k->group), std::string_view(k->group), version_rank(k->version),
                      std::string_view(k->version), std::string_view(k->plural));
  };
  std::sort(kinds.begin(), kinds.end(), [&](const Kind* a, const Kind* b) { return key(a) < key(b); });
}

}  // namespace

Expected<std::unique_ptr<Tree>> build_builtin(Behaviors behaviors) {
  const auto size = static_cast<size_t>(gantry_api_descriptors_end - gantry_api_descriptors_begin);
  auto raw = read_descriptors({gantry_api_descriptors_begin, size});
  if (!raw) return std::move(raw).error();
  return Tree::build(*std::move(raw), nullptr, behaviors);
}

Expected<SchemaPtr> Schema::builtin(Behaviors behaviors) {
  auto tree = build_builtin(behaviors);
  if (!tree) return std::move(tree).error();
  return std::make_shared<const Schema>(std::vector<std::shared_ptr<const Tree>>{std::move(*tree)}, 0);
}

Schema::Schema(std::vector<std::shared_ptr<const Tree>> trees, uint64_t generation)
    : trees_(std::move(trees)), generation_(generation) {
  for (const auto& tree : trees_) {
    for (const auto& kind : tree->kinds()) kinds_.push_back(kind.get());
  }
  sort_for_discovery(kinds_);
  by_resource_ = kinds_;
  std::sort(by_resource_.begin(), by_resource_.end(),
            [](const Kind* a, const Kind* b) { return resource_key(a) < resource_key(b); });
}

const Kind* Schema::find_kind(std::string_view group, std::string_view version, std::string_view kind) const {
  for (const Kind* k : kinds_) {
    if (k->kind == kind && k->group == group && k->version == version) return k;
  }
  return nullptr;
}

const Kind* Schema::find_resource(std::string_view group, std::string_view version, std::string_view plural) const {
  const ResourceKey wanted{plural, group, version};
  const auto found = std::lower_bound(by_resource_.begin(), by_resource_.end(), wanted,
                                      [](const Kind* a, const ResourceKey& b) { return resource_key(a) < b; });
  return found == by_resource_.end() || resource_key(*found) != wanted ? nullptr : *found;
}

const Message* Schema::find_message(std::string_view name) const {
  for (const auto& tree : trees_) {
    if (const Message* found = tree->find_message(name)) return found;
  }
  return nullptr;
}

}  // namespace gantry::schema
