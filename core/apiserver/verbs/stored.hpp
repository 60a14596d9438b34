// Served versions whose objects are stored as another one's: requests see them as theirs. Which do so, and how, stands
// with the kind (schema::Conversion); all others are stored as they are. Pure, any thread.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

class StoredAs {
 public:
  explicit StoredAs(const schema::Kind& kind) : kind_(kind) {}

  // Whether objects are stored as requests see them.
  bool same() const { return kind_.storage == &kind_; }
  // Of what is stored.
  const schema::Kind& kind() const { return *kind_.storage; }
  // A stored version as requests see it; one that is so already stays as it is.
  store::EntryPtr seen(store::EntryPtr entry) const;
  // Makes a document that requests see the value of a write.
  Status fill(store::Write& write, const Json& document) const;

 private:
  const schema::Kind& kind_;
};

}  // namespace gantry::apiserver
