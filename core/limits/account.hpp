// Who holds how many bytes, and how many he may: one tree of accounts for request bodies, decoded documents, patches at
// work, answers not yet read and backlogs of watches.
//
// The daemon makes the root and a share for peers without an identity below it, the transport one account a connection;
// whoever keeps bytes for a request charges that one, and the charge counts in all accounts above. Lock-free.
// [any-thread]
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "gantry/status.hpp"

namespace gantry::limits {

class Account {
 public:
  // `limit` in bytes; what is charged here is charged to `parent`, too.
  explicit Account(size_t limit, std::shared_ptr<Account> parent = nullptr)
      : limit_(limit), parent_(std::move(parent)) {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  // Charges `bytes` here and above. False: a limit would be passed somewhere; then nothing is charged.
  [[nodiscard]] bool take(size_t bytes);
  // Charges `bytes` unless a limit is reached already: for what is whole or not at all, and may be larger than the rest
  // of the account (an answer). Passes the limit by one such piece at most a caller.
  [[nodiscard]] bool admit(size_t bytes);
  // Charges without asking: for what is there already (the bytes just read from a socket). The caller then looks at
  // over().
  void add(size_t bytes);
  void give(size_t bytes);

  // Whether so many bytes could be taken if nothing else were.
  bool fits(size_t bytes) const;
  // The smallest limit here and above: what fits() nowhere passes it.
  size_t least_limit() const;
  // Here or above, more is charged than the limit.
  bool over() const;
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  bool take_below(size_t bytes, size_t most);
  void note_peak(size_t used);

  const size_t limit_;
  const std::shared_ptr<Account> parent_;
  std::atomic<size_t> used_{0}, peak_{0};
};

// Whether this is what an account's refusal comes to: no room now, or never.
inline bool is_refusal(const Status& status) { return status.code() == 429 || status.code() == 413; }

// Bytes charged for as long as this lives. Without an account it counts for nobody. Not thread-safe; move it along.
class Charge {
 public:
  Charge() = default;
  explicit Charge(std::shared_ptr<Account> account) : account_(std::move(account)) {}
  Charge(Charge&& other) noexcept : account_(std::move(other.account_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    if (this != &other) {
      reset();
      account_ = std::move(other.account_);
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  ~Charge() { reset(); }

  // Makes it `bytes` in all. False: the account refused the difference, and the charge stays as it was.
  [[nodiscard]] bool resize(size_t bytes);
  [[nodiscard]] bool grow(size_t by) { return resize(bytes_ + by); }
  // As the Account's, for `by` more bytes.
  [[nodiscard]] bool admit(size_t by);
  void add(size_t by);
  // Makes it `bytes` in all, whether there is room or not: for what turned out to be less than was charged.
  void settle(size_t bytes);
  // Gives so many of the charged bytes to another charge.
  Charge split(size_t bytes);
  void reset();
  size_t bytes() const { return bytes_; }
  const std::shared_ptr<Account>& account() const { return account_; }

 private:
  std::shared_ptr<Account> account_;
  size_t bytes_ = 0;
};

}  // namespace gantry::limits
