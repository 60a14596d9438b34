// Owns the memory of documents: arenas, the heap of what is under construction, and the charges for both.
// A document is on one thread at a time; the accounts are shared.
#include "core/schema/values/arena.hpp"

#include <algorithm>
#include <boost/json/memory_resource.hpp>
#include <string>
#include <utility>

#include "core/schema/values/counted.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kFirstBlock = 1024;
constexpr size_t kLargestFirst = 64 << 10;
// Blocks double up to this, so that little of a large document's last one stays empty.
constexpr size_t kLargestBlock = 1 << 20;

// What one resource holds of an account.
class Charged {
 public:
  explicit Charged(std::shared_ptr<limits::Account> account) : account_(std::move(account)) {}
  Charged(const Charged&) = delete;
  Charged& operator=(const Charged&) = delete;
  ~Charged() {
    if (account_ != nullptr) account_->give(bytes_);
  }

  void grow(size_t bytes) {
    if (account_ == nullptr) return;
    if (!Asking::now() || bytes_ + bytes <= kUnasked) {
      account_->add(bytes);
    } else if (!account_->take(bytes)) {
      refuse(*account_, bytes_ + bytes);
    }
    bytes_ += bytes;
  }
  void shrink(size_t bytes) {
    if (account_ == nullptr) return;
    account_->give(bytes);
    bytes_ -= bytes;
  }
  size_t bytes() const { return bytes_; }

 private:
  const std::shared_ptr<limits::Account> account_;
  size_t bytes_ = 0;
};

class Arena final : public boost::json::memory_resource {
 public:
  Arena(size_t first, std::shared_ptr<limits::Account> account) : charged_(std::move(account)), next_size_(first) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() override {
    while (blocks_ != nullptr) ::operator delete(std::exchange(blocks_, blocks_->next));
  }

 protected:
  void* do_allocate(size_t bytes, size_t align) override {
    void* at = at_;
    size_t room = room_;
    if (std::align(align, bytes, at, room) == nullptr) {
      add_block(bytes);
      at = at_;
      room = room_;
    }
    at_ = static_cast<char*>(at) + bytes;
    room_ = room - bytes;
    return at;
  }
  void do_deallocate(void*, size_t, size_t) override {}
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
  };

  void add_block(size_t bytes) {
    const size_t size = std::max(next_size_, bytes);
    charged_.grow(sizeof(Block) + size);
    blocks_ = ::new (::operator new(sizeof(Block) + size)) Block{blocks_};
    at_ = blocks_ + 1;
    room_ = size;
    next_size_ = std::min(2 * next_size_, kLargestBlock);
  }

  Charged charged_;
  size_t next_size_;
  Block* blocks_ = nullptr;
  void* at_ = nullptr;
  size_t room_ = 0;
};

// Charges by the chunk: accounts are shared, and pieces are small.
class Heap final : public boost::json::memory_resource {
 public:
  explicit Heap(std::shared_ptr<limits::Account> account) : charged_(std::move(account)) {}

 protected:
  void* do_allocate(size_t bytes, size_t) override {
    const size_t used = used_ + bytes + kOverhead;
    if (used > charged_.bytes()) charged_.grow(std::max(used - charged_.bytes(), kChunk));
    void* at = ::operator new(bytes);
    used_ = used;
    return at;
  }
  void do_deallocate(void* at, size_t bytes, size_t) override {
    ::operator delete(at);
    used_ -= std::min(used_, bytes + kOverhead);
    if (charged_.bytes() >= used_ + 2 * kChunk) charged_.shrink(charged_.bytes() - used_ - kChunk);
  }
  bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }

 private:
  static constexpr size_t kOverhead = 16;  // of the allocator, about
  static constexpr size_t kChunk = 32 << 10;

  Charged charged_;
  size_t used_ = 0;
};

}  // namespace

alignas(void*) thread_local int Asking::depth_ = 0;

Status out_of_memory() {
  StatusDetails details;
  details.retry_after_seconds = 1;
  return Status::too_many_requests(
             "the documents of this request need more memory than its connection, or all requests together, may take "
             "now; try again later")
      .with_details(std::move(details));
}

void refuse(const limits::Account& account, size_t bytes) {
  if (account.fits(bytes)) throw Refused(out_of_memory());
  throw Refused(Status::too_large("Request entity too large: limit is " + std::to_string(account.least_limit())));
}

boost::json::storage_ptr make_arena(size_t expected, std::shared_ptr<limits::Account> account) {
  return boost::json::make_shared_resource<Arena>(std::clamp(expected, kFirstBlock, kLargestFirst), std::move(account));
}

boost::json::storage_ptr make_heap(std::shared_ptr<limits::Account> account) {
  if (account == nullptr) return {};
  return boost::json::make_shared_resource<Heap>(std::move(account));
}

namespace {

boost::json::value copied(const boost::json::value& document, std::shared_ptr<limits::Account> account) {
  constexpr size_t kUsual = 16 << 10;
  return boost::json::value(document, make_arena(kUsual, std::move(account)));
}

}  // namespace

boost::json::value copy_of(const boost::json::value& document) { return copied(document, nullptr); }

Expected<boost::json::value> copy_of(const boost::json::value& document, std::shared_ptr<limits::Account> account) {
  return counted([&]() -> Expected<boost::json::value> { return copied(document, std::move(account)); });
}

}  // namespace gantry::schema
