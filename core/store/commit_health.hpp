// CommitHealth: whether commits work, for the probes that ask and for whoever reads the log.
//
// Owned by the store. Changed by the writer thread; status() from any thread.
#pragma once

#include <cstddef>
#include <mutex>

#include "core/limits/notices.hpp"
#include "gantry/status.hpp"

namespace gantry::store {

class CommitHealth {
 public:
  // `notices` may be null; else it outlives this.
  explicit CommitHealth(limits::Notices* notices) : notices_(notices) {}

  // A commit of so many bytes failed. [writer]
  void failed(const Status& why, size_t bytes);
  // One went through: the trouble is over if it was as large as what failed. [writer]
  void worked(size_t bytes);
  bool failing() const { return failing_; }              // [writer]
  size_t failed_bytes() const { return failed_bytes_; }  // [writer]
  Status status() const;                                 // OK, or why commits fail [any-thread]

 private:
  limits::Notices* const notices_;
  bool failing_ = false;
  size_t failed_bytes_ = 0;  // the most
  mutable std::mutex mutex_;
  Status why_;
};

}  // namespace gantry::store
