// Lists whose items have to be put into words first (Table, YAML, metadata alone): a long one is made piece by piece,
// as its peer reads it, and never lies in memory as a whole.
#pragma once

#include <memory>

#include "core/apiserver/request/call.hpp"
#include "core/apiserver/verbs/listing.hpp"

namespace gantry::apiserver {

// Whether a call's form of a list is one of those.
bool is_made(const Form& form);
// Answers the call. On a worker when the page is long.
void respond_made_list(const CallPtr& call, ListPage page);

// The words. Pure but for the call.
class ListWriter {
 public:
  ListWriter(Call& call, const ListPage& page);
  const std::string& head() const { return head_; }
  const std::string& tail() const { return tail_; }
  void append(const store::Entry& entry, bool first, std::string& out) const;

 private:
  std::string item(const store::Entry& entry) const;

  Call& call_;
  std::string head_, tail_;
};

// A long one on its way. Owned by its own callbacks, until the last piece is written or the peer is gone.
class ListStream : public std::enable_shared_from_this<ListStream> {
 public:
  ListStream(CallPtr call, ListPage page);
  void open();

 private:
  void pump();

  const CallPtr call_;
  ListPage page_;
  const ListWriter writer_;
  std::shared_ptr<http::Stream> stream_;
  size_t next_ = 0;
};

}  // namespace gantry::apiserver
