// What the sets of one owner have said since the daemon started: objects that were encoded by an earlier one are still
// there, so that a later one must be able to read them. Bounded, and keeps nothing of the sets but names and numbers.
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/schema/tree/tree.hpp"

namespace gantry::schema {

class ExtensionHistory {
 public:
  // Takes one more set. An error names what an earlier one said otherwise, and changes nothing. One that was taken
  // before is taken again, whatever came between.
  Status add(const Tree& next);

 private:
  using Names = std::set<std::string, std::less<>>;
  struct FieldFacts {
    uint32_t number = 0;
    std::string type;
  };
  struct MessageFacts {
    std::map<std::string, FieldFacts, std::less<>> by_json;
    std::map<uint32_t, std::string> by_number;  // the JSON name that has it
  };
  struct KindFacts {
    std::string kind, version;
    bool namespaced = false;
    std::set<Names> selectable;  // what was selectable, each time
  };
  Status check_message(const Message& next) const;
  Status check_kind(const Kind& next) const;
  size_t new_facts(const Tree& next) const;
  void add_message(const Message& next);
  void add_kind(const Kind& next);

  std::map<std::string, MessageFacts, std::less<>> messages_;
  std::map<std::string, KindFacts, std::less<>> kinds_;  // by "plural.group"
  size_t facts_ = 0;
};

}  // namespace gantry::schema
