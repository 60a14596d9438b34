// Counting, bounds and callbacks; callbacks run without the lock.
#include "core/http/server/outbox.hpp"

#include <algorithm>
#include <iterator>

#include "core/http/io/socket.hpp"

namespace gantry::http {

Outbox::Outbox(std::shared_ptr<io::EventLoop> loop, std::weak_ptr<Reader> reader, size_t bound,
               std::shared_ptr<limits::Account> account, std::string terminator)
    : loop_(std::move(loop)),
      reader_(std::move(reader)),
      bound_(bound),
      terminator_(std::move(terminator)),
      charge_(std::move(account)) {}

void Outbox::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop_->wake(reader_);
}

bool Outbox::admit(size_t size, size_t own) {
  if (closed_ || finished_ || overflowed_) return false;
  if (size > bound_ - queued_ || (own > 0 && !charge_.grow(own))) {
    overflowed_ = true;
    schedule();
    return false;
  }
  queued_ += size;
  schedule();
  return true;
}

bool Outbox::push(std::vector<http::Chunk> chunks) {
  size_t size = 0, own = 0;
  for (const auto& chunk : chunks) {
    size += chunk.bytes.size();
    if (chunk.own) own += chunk.bytes.size();
  }
  std::lock_guard lock(mutex_);
  if (!admit(size, own)) return false;
  pending_.insert(pending_.end(), std::make_move_iterator(chunks.begin()), std::make_move_iterator(chunks.end()));
  return true;
}

bool Outbox::push(http::Chunk chunk) {
  std::lock_guard lock(mutex_);
  if (!admit(chunk.bytes.size(), chunk.own ? chunk.bytes.size() : 0)) return false;
  pending_.push_back(std::move(chunk));
  return true;
}

void Outbox::finish() {
  std::lock_guard lock(mutex_);
  if (closed_ || finished_) return;
  finished_ = true;
  queued_ += terminator_.size();
  if (!terminator_.empty()) pending_.push_back(io::own(terminator_));
  schedule();
}

size_t Outbox::queued() const {
  std::lock_guard lock(mutex_);
  return queued_;
}

void Outbox::when_drained(std::function<void()> ready) {
  {
    std::lock_guard lock(mutex_);
    if (!closed_ && queued_ > bound_ / 16) {
      drained_.push_back(std::move(ready));
      return;
    }
  }
  ready();
}

void Outbox::on_close(std::function<void()> closed) {
  {
    std::lock_guard lock(mutex_);
    if (!closed_) {
      on_close_.push_back(std::move(closed));
      return;
    }
  }
  closed();
}

bool Outbox::take(std::deque<http::Chunk>& into) {
  std::lock_guard lock(mutex_);
  scheduled_ = false;
  if (overflowed_) return false;
  into.insert(into.end(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
  pending_.clear();
  if (pending_.capacity() > 64) pending_.shrink_to_fit();
  return true;
}

void Outbox::sent(size_t bytes) {
  std::vector<std::function<void()>> ready;
  {
    std::lock_guard lock(mutex_);
    queued_ -= std::min(bytes, queued_);
    if (charge_.bytes() > queued_) static_cast<void>(charge_.resize(queued_));
    if (queued_ <= bound_ / 16) ready.swap(drained_);
  }
  for (auto& call : ready) call();
}

void Outbox::close() {
  std::vector<std::function<void()>> calls;
  std::vector<http::Chunk> dropped;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    queued_ = 0;
    charge_.reset();
    dropped.swap(pending_);
    calls.swap(drained_);
    calls.insert(calls.end(), std::make_move_iterator(on_close_.begin()), std::make_move_iterator(on_close_.end()));
    on_close_.clear();
  }
  for (auto& call : calls) call();
}

bool Outbox::finished() const {
  std::lock_guard lock(mutex_);
  return finished_ && pending_.empty();
}

}  // namespace gantry::http
