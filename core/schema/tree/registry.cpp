#include "core/schema/tree/registry.hpp"

#include <algorithm>

#include "core/schema/tree/extension.hpp"
#include "core/schema/tree/tree.hpp"

namespace gantry::schema {

Registry::Registry(TreePtr builtin) : builtin_(std::move(builtin)) { publish(); }

Expected<std::unique_ptr<Registry>> Registry::create(Behaviors behaviors) {
  auto tree = build_builtin(behaviors);
  if (!tree) return std::move(tree).error();
  return std::unique_ptr<Registry>(new Registry(std::move(*tree)));
}

SchemaPtr Registry::now() const {
  const std::lock_guard lock(now_mutex_);
  return now_;
}

void Registry::publish() {
  std::vector<TreePtr> trees{builtin_};
  for (const auto& [name, owner] : owners_) {
    const bool known = std::find(trees.begin(), trees.end(), owner.tree) != trees.end();
    if (owner.tree != nullptr && !known) trees.push_back(owner.tree);
  }
  SchemaPtr next = std::make_shared<const Schema>(std::move(trees), now_ == nullptr ? 0 : now_->generation() + 1);
  const std::lock_guard lock(now_mutex_);
  generation_.store(next->generation(), std::memory_order_release);
  std::swap(now_, next);  // the earlier one goes after the lock
}

std::vector<const Tree*> Registry::trees_but(std::string_view owner) const {
  std::vector<const Tree*> others{builtin_.get()};
  for (const auto& [name, other] : owners_) {
    if (name != owner && other.tree != nullptr) others.push_back(other.tree.get());
  }
  return others;
}

Expected<Registry::TreePtr> Registry::tree_of(std::string_view descriptors) const {
  for (const auto& [name, owner] : owners_) {
    if (owner.tree != nullptr && owner.descriptors == descriptors) return owner.tree;
  }
  auto tree = build_extension(descriptors, *builtin_);
  if (!tree) return std::move(tree).error();
  return TreePtr(std::move(*tree));
}

// Where a resource's objects are is settled once: else some would be in memory and some on disk.
Status Registry::check_kept(const Tree& tree) const {
  for (const auto& kind : tree.kinds()) {
    const auto known = volatile_.find(kind->plural + "." + kind->group);
    if (known == volatile_.end() || known->second == kind->volatility.has_value()) continue;
    return Status::invalid("kind " + kind->kind +
                           " changes whether it is volatile, which takes a restart of the daemon");
  }
  return {};
}

Status Registry::extend(std::string_view owner, std::string_view descriptors) {
  const std::lock_guard lock(mutex_);
  Owner& slot = owners_.try_emplace(std::string(owner)).first->second;
  if (slot.tree != nullptr && slot.descriptors == descriptors) return {};
  auto tree = tree_of(descriptors);
  if (!tree) return std::move(tree).error();
  auto others = trees_but(owner);
  std::erase(others, tree->get());
  Status status = check_against(**tree, others);
  if (status.ok()) status = check_kept(**tree);
  if (status.ok()) status = slot.history.add(**tree);
  if (!status.ok()) return status;
  for (const auto& kind : (*tree)->kinds())
    volatile_.emplace(kind->plural + "." + kind->group, kind->volatility.has_value());
  slot.tree = std::move(*tree);
  slot.descriptors = descriptors;
  publish();
  return {};
}

void Registry::withdraw(std::string_view owner) {
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(owner);
  if (found == owners_.end() || found->second.tree == nullptr) return;
  found->second.tree.reset();
  found->second.descriptors.clear();
  publish();
}

std::string Registry::extension(std::string_view owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = owners_.find(owner);
  return found == owners_.end() ? std::string() : found->second.descriptors;
}

}  // namespace gantry::schema
