// Keys, random names and uids. [any-thread]
#include "core/apiserver/request/call.hpp"

#include <sys/random.h>

#include <chrono>
#include <thread>

#include "core/apiserver/discovery/discovery.hpp"
#include "core/apiserver/request/forms.hpp"

namespace gantry::apiserver {
namespace {

constexpr size_t kThreads = 2;

uint64_t kernel_random() {
  uint64_t value = 0;
  // Eight bytes are never cut short, and only before the machine's first seed would it wait.
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

// Where a kind's objects lie.
std::string folder_of(const schema::Kind& kind) {
  std::string key = "/";
  return key.append(kind.storage->group).append("/").append(kind.storage->plural).append("/");
}

constexpr std::string_view kMarked = "yes";

// Finds those in whose text a kind's mark stands.
class DefaultMark final : public store::FieldIndex {
 public:
  explicit DefaultMark(std::string_view mark) : mark_(mark) {}
  std::string_view name() const override { return "@default"; }
  std::string_view value(const store::Entry& entry) const override {
    return entry.value.find(mark_) != std::string::npos ? kMarked : std::string_view();
  }

 private:
  const std::string_view mark_;  // of a behaviour, which outlives every schema
};

int64_t system_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Environment::Environment(const schema::Registry& s, store::Store& st, Options o)
    : schemas(s),
      store(st),
      options(std::move(o)),
      workers(options.run_long, kThreads, options.most_long),
      waits(options.most_waiting),
      chain(options.admission) {
  if (!options.now_unix_ns) options.now_unix_ns = system_now;
  if (!options.random) options.random = kernel_random;
  if (!options.post) {
    options.post = [](std::function<void()> work) { std::thread(std::move(work)).detach(); };
  }
  if (!options.authorizer) options.authorizer = std::make_shared<auth::AlwaysAllow>();
  discovery = std::make_unique<Discovery>(schemas, options);
}

Environment::~Environment() = default;

void Environment::tell_store(const schema::Schema& schema) {
  const auto known = [&] { return told.load(std::memory_order_acquire) > schema.generation(); };
  if (known()) return;
  const std::lock_guard lock(told_mutex);
  if (known()) return;
  for (const auto* kind : schema.kinds()) {
    if (!kind->volatility) continue;
    const auto& [seconds, most, bytes] = *kind->volatility;
    store.set_volatile(key_prefix(*kind), {std::chrono::seconds(seconds), most, bytes});
  }
  told.store(schema.generation() + 1, std::memory_order_release);
}

store::EntryPtr Environment::get(const schema::Kind& kind, std::string_view ns, std::string_view name) const {
  return store.get(key_of(kind, ns, name));
}

std::string Environment::field(const schema::Kind& kind, const store::Entry& entry, std::string_view path) const {
  return std::string(attributes(kind, entry).field(path).value_or(std::string_view()));
}

std::vector<store::EntryPtr> Environment::marked(const schema::Kind& kind) const {
  const std::string_view mark = kind.behavior->default_mark;
  if (mark.empty()) return {};
  const std::string prefix = key_prefix(kind);
  const store::Only only{std::make_shared<DefaultMark>(mark), std::string(kMarked)};
  auto found = store.find(prefix, only);
  if (!found) {
    store.index(prefix, only.field);
    found = store.find(prefix, only);
  }
  if (found) return std::move(found->entries);
  // A store that has no indexes.
  auto all = store.list(prefix);
  if (!all) return {};
  std::erase_if(all->entries, [&](const store::EntryPtr& entry) { return only.field->value(*entry) != kMarked; });
  return std::move(all->entries);
}

std::string Environment::new_uid() const {
  uint64_t high = options.random(), low = options.random();
  high = (high & ~0xf000ULL) | 0x4000ULL;      // version 4
  low = (low & ~(3ULL << 62)) | (1ULL << 63);  // RFC 4122's variant
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    const uint64_t half = i < 16 ? high : low;
    out += kHex[(half >> (60 - 4 * (i % 16))) & 15];
  }
  return out;
}

std::string Environment::random_suffix() const {
  // No vowels and no look-alikes: upstream's alphabet.
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  uint64_t bits = options.random();
  std::string out;
  for (int i = 0; i < 5; ++i) {
    out += kAlphabet[bits % kAlphabet.size()];
    bits /= kAlphabet.size();
  }
  return out;
}

std::string key_prefix(const schema::Kind& kind, std::string_view ns) {
  std::string key = folder_of(kind);
  if (!ns.empty()) key.append(ns).append("/");
  return key;
}

std::string key_of(const schema::Kind& kind, std::string_view ns, std::string_view name) {
  std::string key = folder_of(kind);
  key.append(kind.namespaced ? ns : std::string_view()).append("/").append(name);
  return key;
}

std::string_view name_of_key(std::string_view key) { return key.substr(key.rfind('/') + 1); }

std::string_view namespace_of_key(std::string_view key) {
  key = key.substr(0, key.rfind('/'));
  return key.substr(key.rfind('/') + 1);
}

}  // namespace gantry::apiserver
