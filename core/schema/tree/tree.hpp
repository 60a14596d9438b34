// The tree of one descriptor set: its messages, linked, and its kinds. Immutable once built; made for schema.hpp and
// registry.hpp, read from any thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema/tree/descriptor_reader.hpp"

namespace gantry::schema {

class Tree {
 public:
  // `base` has the messages that these use beside their own; it must outlive the tree. Null: there are none.
  // Kinds without a list message get one.
  static Expected<std::unique_ptr<Tree>> build(std::vector<RawMessage> raw, const Tree* base, Behaviors behaviors = {});

  const Message* find_message(std::string_view name) const;
  const std::vector<std::unique_ptr<Kind>>& kinds() const { return kinds_; }
  const std::map<std::string, std::unique_ptr<Message>, std::less<>>& messages() const { return messages_; }
  bool has_file(std::string_view name) const { return files_.contains(name); }

 private:
  explicit Tree(const Tree* base) : base_(base) {}
  Status link(std::vector<RawMessage>& raw);
  Status link_field(RawField& raw, const std::map<std::string_view, RawMessage*>& entries, Field& field) const;
  void add_kinds(std::vector<RawMessage>& raw);
  Status bind(Behaviors behaviors);
  const Kind* storage_of(const Kind& kind) const;

  const Tree* base_;
  std::map<std::string, std::unique_ptr<Message>, std::less<>> messages_;
  std::vector<std::unique_ptr<Kind>> kinds_;
  std::vector<const Kind*> never_owners_;
  std::set<std::string, std::less<>> files_;
};

// The tree of the embedded descriptor set.
Expected<std::unique_ptr<Tree>> build_builtin(Behaviors behaviors);

}  // namespace gantry::schema
