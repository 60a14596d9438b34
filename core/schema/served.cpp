// Owns what is served: the tree of the built-in kinds, and those of extensions as they come and change.
//
// Readers take the lookup tables of the moment, which never change, through one atomic pointer; tables and trees of
// earlier moments are kept, for what is under way still points into them.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "core/schema/extension.hpp"
#include "core/schema/schema.hpp"
#include "core/schema/tree.hpp"

extern "C" {
extern const char gantry_api_descriptors_begin[];
extern const char gantry_api_descriptors_end[];
}

namespace gantry::schema {
namespace {

// Different sets of one owner in the life of a daemon: each stays in memory.
constexpr size_t kMaxVersions = 64;
// Of a group in discovery, as upstream's for custom resources.
constexpr int32_t kLeastPriority = 1000;

// The tables of one moment.
struct Snapshot {
  uint64_t generation = 0;
  std::vector<const Tree*> trees;  // the built-in one first
  std::vector<const Kind*> kinds;  // in discovery order
};

class Served final : public Schema {
 public:
  explicit Served(std::unique_ptr<Tree> builtin) : builtin_(std::move(builtin)) { publish(); }

  const Kind* find_kind(std::string_view group, std::string_view version, std::string_view kind) const override {
    for (const Kind* k : now().kinds) {
      if (k->kind == kind && k->group == group && k->version == version) return k;
    }
    return nullptr;
  }
  const Kind* find_resource(std::string_view group, std::string_view version, std::string_view plural) const override {
    for (const Kind* k : now().kinds) {
      if (k->plural == plural && k->group == group && k->version == version) return k;
    }
    return nullptr;
  }
  const Message* find_message(std::string_view name) const override {
    for (const Tree* tree : now().trees) {
      if (const Message* found = tree->find_message(name)) return found;
    }
    return nullptr;
  }
  const std::vector<const Kind*>& kinds() const override { return now().kinds; }
  uint64_t generation() const override { return now().generation; }

  Status extend(std::string_view owner, std::string_view descriptors) override;
  void withdraw(std::string_view owner) override;
  std::string extension(std::string_view owner) const override;

 private:
  struct Version {
    std::string descriptors;
    std::shared_ptr<const Tree> tree;  // of all owners that bring the same
  };
  struct Owner {
    std::vector<Version> versions;
    size_t current = SIZE_MAX;  // none
    const Tree* tree() const { return current < versions.size() ? versions[current].tree.get() : nullptr; }
  };
  const Snapshot& now() const { return *now_.load(std::memory_order_acquire); }
  void publish();  // under mutex_, but for the first
  Expected<size_t> version_of(Owner& owner, std::string_view name, std::string_view descriptors);
  std::vector<const Tree*> trees_but(std::string_view owner) const;

  const std::unique_ptr<Tree> builtin_;
  mutable std::mutex mutex_;
  std::map<std::string, Owner, std::less<>> owners_;  // under mutex_
  std::vector<std::unique_ptr<Snapshot>> snapshots_;  // under mutex_
  std::atomic<const Snapshot*> now_{nullptr};
};

void Served::publish() {
  auto next = std::make_unique<Snapshot>();
  next->generation = snapshots_.size();
  next->trees.push_back(builtin_.get());
  for (const auto& [name, owner] : owners_) {
    const bool known = std::find(next->trees.begin(), next->trees.end(), owner.tree()) != next->trees.end();
    if (owner.tree() != nullptr && !known) next->trees.push_back(owner.tree());
  }
  for (const Tree* tree : next->trees) {
    for (const auto& kind : tree->kinds()) next->kinds.push_back(kind.get());
  }
  std::map<std::string_view, int32_t> priorities;
  for (const Kind* kind : next->kinds) {
    int32_t& priority = priorities.try_emplace(kind->group, kLeastPriority).first->second;
    priority = std::max(priority, kind->group_priority);
  }
  std::sort(next->kinds.begin(), next->kinds.end(), [&](const Kind* a, const Kind* b) {
    const auto key = [&](const Kind* k) {
      return std::tuple(-priorities.at(k->group), std::string_view(k->group), std::string_view(k->version),
                        std::string_view(k->plural));
    };
    return key(a) < key(b);
  });
  now_.store(next.get(), std::memory_order_release);
  snapshots_.push_back(std::move(next));
}

std::vector<const Tree*> Served::trees_but(std::string_view owner) const {
  std::vector<const Tree*> others{builtin_.get()};
  for (const auto& [name, other] : owners_) {
    if (name != owner && other.tree() != nullptr) others.push_back(other.tree());
  }
  return others;
}

// The place of these bytes among the owner's versions, where they are put when they are new.
Expected<size_t> Served::version_of(Owner& owner, std::string_view name, std::string_view descriptors) {
  for (size_t i = 0; i < owner.versions.size(); ++i) {
    if (owner.versions[i].descriptors == descriptors) return i;
  }
  if (owner.versions.size() >= kMaxVersions) {
    return Status::invalid(std::string(name) + " has brought " + std::to_string(kMaxVersions) +
                           " different sets of kinds since the daemon started; restart it");
  }
  for (const auto& [other, theirs] : owners_) {
    if (theirs.tree() == nullptr || theirs.versions[theirs.current].descriptors != descriptors) continue;
    owner.versions.push_back(theirs.versions[theirs.current]);
    return owner.versions.size() - 1;
  }
  auto tree = build_extension(descriptors, *builtin_);
  if (!tree) return std::move(tree).error();
  owner.versions.push_back({std::string(descriptors), std::move(*tree)});
  return owner.versions.size() - 1;
}

Status Served::extend(std::string_view owner, std::string_view descriptors) {
  const std::lock_guard lock(mutex_);
  Owner& slot = owners_.try_emplace(std::string(owner)).first->second;
  if (slot.tree() != nullptr && slot.versions[slot.current].descriptors == descriptors) return {};
  const size_t known = slot.versions.size();
  auto version = version_of(slot, owner, descriptors);
  if (!version) return std::move(version).error();
  const Tree& next = *slot.versions[*version].tree;
  auto others = trees_but(owner);
  std::erase(others, &next);
  Status status = check_against(next, others);
  // One that was served before has been compared with all the others then.
  for (size_t i = 0; status.ok() && *version == known && i < known; ++i) {
    status = check_change(*slot.versions[i].tree, next);
  }
  if (!status.ok()) {
    slot.versions.resize(known);  // what is refused is not kept: nobody points into it
    return status;
  }
  slot.current = *version;
  publish();
  return {};
}

void Served::withdraw(std::string_view owner) {
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(owner);
  if (found == owners_.end() || found->second.tree() == nullptr) return;
  found->second.current = SIZE_MAX;
  publish();
}

std::string Served::extension(std::string_view owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(owner);
  if (found == owners_.end() || found->second.tree() == nullptr) return {};
  return found->second.versions[found->second.current].descriptors;
}

}  // namespace

Expected<std::unique_ptr<Schema>> Schema::builtin(Behaviors behaviors) {
  auto size = static_cast<size_t>(gantry_api_descriptors_end - gantry_api_descriptors_begin);
  auto raw = read_descriptors({gantry_api_descriptors_begin, size});
  if (!raw) return std::move(raw).error();
  auto tree = Tree::build(*std::move(raw), nullptr, behaviors);
  if (!tree) return std::move(tree).error();
  return std::unique_ptr<Schema>(std::make_unique<Served>(std::move(*tree)));
}

}  // namespace gantry::schema
