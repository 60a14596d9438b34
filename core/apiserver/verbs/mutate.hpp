// Read, change, admit, check, write: what update, patch, delete, scale and written subresources have in common.
//
// Reads the newest version, lets the verb make the next one, leads it through the admission chain, and writes it
// compare-and-set; again with a fresh read when somebody else was faster, up to five times (a caller who pinned a
// version gets his Conflict from the check).
#pragma once

#include <functional>

#include "core/apiserver/verbs/write_call.hpp"
#include "core/limits/account.hpp"

namespace gantry::apiserver {

struct Change {
  Json next;
  bool erase = false;      // remove the object; `next` is its last state
  bool unchanged = false;  // answer with what is there
  bool internal = false;   // made by the server itself: no carry-over, no validation
};

struct Outcome {
  store::EntryPtr entry;
  bool erased = false;
};

struct Mutation : WriteCall {
  using WriteCall::WriteCall;

  std::function<Expected<Change>(const store::Entry& current, const Json& document)> change;
  std::function<void(Expected<Outcome>)> done;  // maybe on the store's writer thread
  int tries_left = 5;
  bool admitted = false;  // part of a request that has passed the chain
  bool begun = false;     // is never refused for what else is at work: it has been tried, or is one of many

  // Of the try under way: what is stored, and what is to be.
  store::EntryPtr current;
  Json before;
  Change planned;
  limits::Charge charge;  // for the version that waits for the store
};

// On a worker when the object is a long one.
void mutate(std::shared_ptr<Mutation> mutation);

// A mutation of the call's own object, an update that is answered with the object and 200.
std::shared_ptr<Mutation> mutation_of(const CallPtr& call);
// Answers with a version just written; work is kept off the writer thread.
void respond_written(const CallPtr& call, int code, const store::EntryPtr& entry);

}  // namespace gantry::apiserver
