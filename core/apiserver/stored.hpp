// Kinds that share the objects of another kind: two APIs over one set. What is stored is of the other kind; requests
// see it as theirs. Which kinds do so, and how, stands with the kind (core/kinds); all others are stored as they are.
// Pure but for the schema, any thread.
#pragma once

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

class StoredAs {
 public:
  StoredAs(const schema::Schema& schema, const schema::Kind& kind);

  // Whether objects are stored as requests see them.
  bool same() const { return shared_ == nullptr; }
  // Of what is stored.
  const schema::Kind& kind() const { return stored_; }
  // A stored version as requests see it; one that is so already stays as it is.
  store::EntryPtr seen(store::EntryPtr entry) const;
  // Makes a document that requests see the value of a write.
  Status fill(store::Write& write, const Json& document) const;

 private:
  const schema::Kind& kind_;
  const schema::Shared* const shared_;
  const schema::Kind& stored_;
};

}  // namespace gantry::apiserver
