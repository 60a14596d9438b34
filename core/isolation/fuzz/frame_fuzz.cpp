// Random and mutated bytes through the frame reader, the payload readers and the bridge to the host: every input ends
// in frames or one complaint, and no host function sees what its frame did not hold.
//
// The same seed gives the same input. GANTRY_FUZZ_SEED and GANTRY_FUZZ_ITERATIONS override the defaults.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "core/isolation/frame.hpp"
#include "core/isolation/host_bridge.hpp"
#include "core/isolation/testing_host.hpp"

namespace gantry::isolation {
namespace {

constexpr uint64_t kSeed = 20'240'229;
constexpr uint64_t kIterations = 20'000;
constexpr size_t kMaxPayload = 4096;

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  // Some frames as a plugin's process sends them, often damaged.
  std::string next() {
    std::string bytes;
    for (uint64_t frames = 1 + random_() % 4; frames > 0; --frames) bytes += frame();
    if (chance(2)) return bytes;
    for (uint64_t rounds = 1 + random_() % 4; rounds > 0 && !bytes.empty(); --rounds) {
      const size_t at = random_() % bytes.size();
      switch (random_() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random_());
          break;
        case 1:
          bytes.erase(at, 1 + random_() % 8);
          break;
        case 2:
          bytes.insert(at, garbage(9));
          break;
        default:
          bytes.resize(at);
          break;
      }
    }
    return bytes;
  }
  size_t piece() { return 1 + random_() % 64; }

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }
  std::string garbage(size_t limit) {
    std::string out(random_() % (limit + 1), '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  std::string frame() {
    const auto first = static_cast<uint64_t>(Op::kLogWrite), last = static_cast<uint64_t>(op_end()) - 1;
    Frame made;
    made.op = static_cast<Op>(chance(8) ? random_() % (op_end() + 8) : first + random_() % (last - first + 1));
    made.kind = chance(8) ? static_cast<Kind>(random_() % 5) : chance(2) ? Kind::kPost : Kind::kCall;
    made.id = random_() % 8;
    PayloadWriter payload;
    // Most payloads are some strings, or a number before or after them.
    if (chance(3)) payload.number(static_cast<int32_t>(random_() % 4));
    for (uint64_t strings = random_() % 6; strings > 0; --strings) payload.bytes(garbage(12));
    if (chance(3)) payload.number(static_cast<int64_t>(random_() % 100));
    made.payload = chance(10) ? garbage(200) : payload.take();
    return std::string(encode_header(made, made.payload.size()).bytes, kHeaderSize) + made.payload;
  }

  std::mt19937_64 random_;
};

TEST(FrameFuzz, EveryInputEndsInFramesOrOneComplaint) {
  Generator generator(from_environment("GANTRY_FUZZ_SEED", kSeed));
  const auto count = from_environment("GANTRY_FUZZ_ITERATIONS", kIterations);
  auto host = std::make_unique<TestingHost>();
  size_t told = 0, answers = 0, frames = 0, malformed = 0, refused = 0;
  const auto owner = std::make_shared<int>(0);
  HostBridge bridge([&](const Frame&, bool) {
    ++told;
    return true;
  });
  bridge.set_owner(owner);
  bridge.attach(&host->host);
  for (uint64_t i = 0; i < count; ++i) {
    const auto bytes = generator.next();
    FrameReader reader(kMaxPayload);
    auto result = FrameReader::Result::kMore;
    for (size_t at = 0; at < bytes.size() && result != FrameReader::Result::kMalformed;) {
      const size_t piece = generator.piece();
      reader.append(std::string_view(bytes).substr(at, piece));
      at += piece;
      Frame frame;
      while ((result = reader.next(frame)) == FrameReader::Result::kFrame) {
        ++frames;
        ASSERT_LE(frame.payload.size(), kMaxPayload);
        // Asynchronous calls make a thread each in this host: the few inputs that are whole are enough elsewhere.
        if (frame.op == Op::kClientAsync) continue;
        const auto complaint = bridge.serve(
            frame,
            [&](const Frame& answer) {
              ++answers;
              EXPECT_EQ(answer.id, frame.id);
            },
            true);
        refused += complaint.empty() ? 0 : 1;
      }
    }
    malformed += result == FrameReader::Result::kMalformed ? 1 : 0;
    ASSERT_EQ(result == FrameReader::Result::kMalformed, !reader.complaint().empty()) << "input " << i;
    Reply reply;
    Reply::decode(bytes, reply);
    if (i % 1000 == 0) host->fire_timers();
  }
  bridge.detach();
  EXPECT_EQ(host->timers(), 0u);
  // A generator whose frames are all refused tests nothing.
  EXPECT_GT(frames, count / 2);
  EXPECT_GT(answers, 0u);
  EXPECT_GT(malformed, 0u);
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace gantry::isolation
