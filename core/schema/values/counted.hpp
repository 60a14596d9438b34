// Inside of the room: work whose memory an account may refuse. Any thread.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <memory>
#include <new>
#include <utility>

#include "core/limits/account.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

// What no document is refused: a Lease is renewed also while others' documents fill the account. The reader of YAML,
// and each document of the few that a request has at a time, may pass the limit by so much.
constexpr size_t kUnasked = 32 << 10;

// As long as one lives on a thread, arenas ask their account there, and throw Refused when it does.
class Asking {
 public:
  Asking() { ++depth_; }
  ~Asking() { --depth_; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  static bool now() { return depth_ > 0; }

 private:
  // Aligned like the section that follows it in a program without another one (tests/abi/linked_files_test.py).
  alignas(void*) static thread_local int depth_;
};

Status out_of_memory();

// What ends the work for which an account has no room now, or could never have.
class Refused : public std::bad_alloc {
 public:
  explicit Refused(Status why) : why_(std::make_shared<const Status>(std::move(why))) {}
  const Status& why() const { return *why_; }

 private:
  std::shared_ptr<const Status> why_;
};
// Of an account that refuses one thing `bytes` in all.
[[noreturn]] void refuse(const limits::Account& account, size_t bytes);

// Runs the work of a public function, which ends with 429 when an account refuses it memory, and with 413 when it could
// never give so much.
template <typename Work>
auto counted(Work&& work) -> decltype(work()) {
  const Asking asking;
  try {
    return work();
  } catch (const Refused& refused) {
    return refused.why();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// Memory that comes back piece by piece, for what grows while it is made.
boost::json::storage_ptr make_heap(std::shared_ptr<limits::Account> account);

}  // namespace gantry::schema
