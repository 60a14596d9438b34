#include "core/limits/account.hpp"

#include <algorithm>

namespace gantry::limits {

void Account::note_peak(size_t used) {
  size_t seen = peak_.load(std::memory_order_relaxed);
  while (used > seen && !peak_.compare_exchange_weak(seen, used, std::memory_order_relaxed)) {
  }
}

bool Account::take_below(size_t bytes, size_t most) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > most) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  note_peak(used + bytes);
  return true;
}

bool Account::take(size_t bytes) {
  if (bytes > limit_ || !take_below(bytes, limit_ - bytes)) return false;
  if (parent_ == nullptr || parent_->take(bytes)) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

bool Account::admit(size_t bytes) {
  if (limit_ == 0 || !take_below(bytes, limit_ - 1)) return false;
  if (parent_ == nullptr || parent_->admit(bytes)) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void Account::add(size_t bytes) {
  for (Account* at = this; at != nullptr; at = at->parent_.get()) {
    at->note_peak(at->used_.fetch_add(bytes, std::memory_order_relaxed) + bytes);
  }
}

void Account::give(size_t bytes) {
  for (Account* at = this; at != nullptr; at = at->parent_.get()) {
    at->used_.fetch_sub(bytes, std::memory_order_relaxed);
  }
}

bool Account::fits(size_t bytes) const { return bytes <= limit_ && (parent_ == nullptr || parent_->fits(bytes)); }

size_t Account::least_limit() const { return parent_ == nullptr ? limit_ : std::min(limit_, parent_->least_limit()); }

bool Account::over() const {
  for (const Account* at = this; at != nullptr; at = at->parent_.get()) {
    if (at->used() > at->limit_) return true;
  }
  return false;
}

bool Charge::resize(size_t bytes) {
  if (account_ != nullptr) {
    if (bytes > bytes_ && !account_->take(bytes - bytes_)) return false;
    if (bytes < bytes_) account_->give(bytes_ - bytes);
  }
  bytes_ = bytes;
  return true;
}

bool Charge::admit(size_t by) {
  if (account_ != nullptr && !account_->admit(by)) return false;
  bytes_ += by;
  return true;
}

void Charge::add(size_t by) {
  if (account_ != nullptr) account_->add(by);
  bytes_ += by;
}

void Charge::settle(size_t bytes) {
  if (bytes > bytes_) return add(bytes - bytes_);
  static_cast<void>(resize(bytes));
}

Charge Charge::split(size_t bytes) {
  Charge part(account_);
  part.bytes_ = std::min(bytes, bytes_);
  bytes_ -= part.bytes_;
  return part;
}

void Charge::reset() {
  if (account_ != nullptr && bytes_ > 0) account_->give(bytes_);
  bytes_ = 0;
}

}  // namespace gantry::limits
