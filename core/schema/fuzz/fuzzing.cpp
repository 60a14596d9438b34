// Owns the counting of memory (this program's operators new and delete), the command line, and the mutations.
#include "core/schema/fuzz/fuzzing.hpp"

#include <malloc.h>
#include <time.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "core/schema/codec/codec.hpp"
#include "core/schema/patch/json_edit.hpp"

namespace {

std::atomic<size_t> live{0}, peak{0};

void* counted_new(size_t bytes) {
  void* at = std::malloc(bytes == 0 ? 1 : bytes);
  if (at == nullptr) throw std::bad_alloc();
  const size_t now = live += malloc_usable_size(at);
  if (now > peak) peak = now;
  return at;
}

void counted_delete(void* at) {
  if (at == nullptr) return;
  live -= malloc_usable_size(at);
  std::free(at);
}

}  // namespace

void* operator new(size_t bytes) { return counted_new(bytes); }
void* operator new[](size_t bytes) { return counted_new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return counted_new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* at) noexcept { counted_delete(at); }
void operator delete[](void* at) noexcept { counted_delete(at); }
void operator delete(void* at, size_t) noexcept { counted_delete(at); }
void operator delete[](void* at, size_t) noexcept { counted_delete(at); }

namespace gantry::schema::fuzz {
namespace {

constexpr size_t kMemory = 64 << 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int64_t kTimeNs = 30'000'000'000;
#else
constexpr int64_t kTimeNs = 3'000'000'000;
#endif

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

uint64_t the_seed = from_environment("GANTRY_FUZZ_SEED", 20260301);
int64_t the_seconds = 0;

// Pieces that often matter to a parser.
constexpr std::string_view kPieces[] = {"null",
                                        "{}",
                                        "[]",
                                        "\"\"",
                                        "-1",
                                        "1e309",
                                        "9223372036854775808",
                                        "0.5",
                                        "true",
                                        "\"\\ud800\"",
                                        "\xff\xfe",
                                        "\"1Gi\"",
                                        "{\"a\":{\"a\":{\"a\":{}}}}",
                                        "&a [*a]",
                                        "&a ",
                                        "*a",
                                        "!!binary",
                                        "<<: *a",
                                        "---\n",
                                        "\t",
                                        "\0x",
                                        "[[[[[[[[",
                                        "k8s",
                                        " in (a,b)",
                                        "!=",
                                        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};

}  // namespace

uint64_t seed() { return the_seed; }

Rounds::Rounds(uint64_t least)
    : least_(from_environment("GANTRY_FUZZ_ROUNDS", least)),
      until_ns_(clock_ns(CLOCK_MONOTONIC) + the_seconds * 1'000'000'000) {}

bool Rounds::next() {
  if (::testing::Test::HasFailure()) return false;
  return ++count_ <= least_ || clock_ns(CLOCK_MONOTONIC) < until_ns_;
}

Bounded::Bounded(size_t input_bytes, clockid_t clock)
    : input_bytes_(input_bytes), before_(live), clock_(clock), began_ns_(clock_ns(clock)) {
  peak = before_;
}

size_t Bounded::most_bytes() const { return peak - before_; }

Bounded::~Bounded() {
  const size_t most = most_bytes();
  const int64_t took = clock_ns(clock_) - began_ns_;
  EXPECT_LE(most, kMemory + input_bytes_) << "for an input of " << input_bytes_ << " bytes";
  EXPECT_LE(took, kTimeNs) << "for an input of " << input_bytes_ << " bytes";
}

std::string Random::mutated(std::string text) {
  for (size_t i = 0, times = 1 + below(4); i < times && !text.empty(); ++i) {
    const size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 2:
        text.erase(at, 1 + below(16));
        break;
      case 3:
        text.insert(at, pick(kPieces));
        break;
      case 4:
        text.insert(at, text.substr(below(text.size()), below(64)));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

::testing::AssertionResult is_shallow(const Json& document) {
  if (!deeper_than(document, kMaxDepth)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "deeper than " << kMaxDepth;
}

std::string repeated(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string members(size_t count, std::string_view value) {
  std::string out = "{";
  for (size_t i = 0; i < count; ++i) {
    out.append(i > 0 ? ",\"k" : "\"k").append(std::to_string(i)).append("\":").append(value);
  }
  return out + "}";
}

}  // namespace gantry::schema::fuzz

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--seconds") gantry::schema::fuzz::the_seconds = static_cast<int64_t>(value);
    if (name == "--seed") gantry::schema::fuzz::the_seed = value;
  }
  return RUN_ALL_TESTS();
}
