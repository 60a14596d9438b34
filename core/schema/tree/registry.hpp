// Owns what is served: the built-in kinds, and those of extensions as they come and change. Each change makes a new
// Schema; who holds an earlier one is not disturbed, and with its last reader it goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"
#include "core/schema/tree/extension_history.hpp"

namespace gantry::schema {

// [any-thread]
class Registry {
 public:
  // Fails as Schema::builtin.
  static Expected<std::unique_ptr<Registry>> create(Behaviors behaviors);

  SchemaPtr now() const;
  // Of now(), without holding it.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // From now on the kinds of `owner` are those of this FileDescriptorSet, which may use the built-in messages; its
  // earlier ones are no longer served. Owners may bring the same set; its kinds are then served for as long as one of
  // them has it. An error names what is wrong with the set, and changes nothing.
  Status extend(std::string_view owner, std::string_view descriptors);
  // The kinds of `owner` are no longer served.
  void withdraw(std::string_view owner);
  // The set that the owner's kinds come from; empty: it has none.
  std::string extension(std::string_view owner) const;

 private:
  using TreePtr = std::shared_ptr<const Tree>;
  struct Owner {
    std::string descriptors;
    TreePtr tree;  // of all owners that bring the same; null: none
    ExtensionHistory history;
  };
  explicit Registry(TreePtr builtin);
  void publish();  // under mutex_, but for the first
  Expected<TreePtr> tree_of(std::string_view descriptors) const;
  std::vector<const Tree*> trees_but(std::string_view owner) const;
  Status check_kept(const Tree& tree) const;

  const TreePtr builtin_;
  mutable std::mutex mutex_;                          // changes
  std::map<std::string, Owner, std::less<>> owners_;  // under mutex_
  // Resources of extensions, present and past, and whether they are volatile; as bounded as their owners' histories.
  std::map<std::string, bool> volatile_;  // under mutex_
  mutable std::mutex now_mutex_;
  SchemaPtr now_;  // under now_mutex_
  std::atomic<uint64_t> generation_{0};
};

}  // namespace gantry::schema
