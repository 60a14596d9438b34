// The frames between the daemon and a plugin's process: a fixed header, then the payload.
//
//   size u32 | op u16 | kind u8 | descriptors u8 | id u64 | payload, `size` bytes
//
// Both ends are built from one tree and run on one machine, so numbers are in its own byte order; but a plugin that
// has gone mad may write anything into the socket, so the reader believes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::isolation {

// What a frame is about. The functions of the ABI that cross by the rules of their signatures have a number each, from
// kFirstMember on in the order of the table of interfaces (op_of); the rest is named here.
enum class Op : uint16_t {
  kNone = 0,
  // The daemon calls the plugin.
  kStart,
  kCreate,
  kDestroy,
  kMap,
  kImportImage,
  kExec,
  kSetSink,
  // The daemon tells the plugin's process, on the control connection.
  kNewLane,
  kTimerFired,
  kCallDone,
  // The plugin calls its host.
  kLogWrite,
  kTimerStart,
  kTimerCancel,
  kClientAsync,
  kCacheList,
  kCacheByOwner,
  kCacheByIndex,
  // The plugin's process tells the daemon.
  kExecExited,
  kRuntimeEvent,
  kCallbackDone,
  kFirstMember,
};

constexpr Op op_of(uint16_t member) { return static_cast<Op>(static_cast<uint16_t>(Op::kFirstMember) + member); }
// Its number, when the op is a member's, else one that no member has.
constexpr size_t member_of(Op op) {
  return op < Op::kFirstMember ? SIZE_MAX : static_cast<size_t>(op) - static_cast<size_t>(Op::kFirstMember);
}
// One more than the last op there is.
uint16_t op_end();

enum class Kind : uint8_t {
  kCall,    // wants an answer with its id
  kAnswer,  // ends the call of its id
  kPost,    // wants none
  kPart,    // a piece of what the answer of its id completes
  kEnd,
};

// The word for an op in a sentence: "reconcile".
const char* name_of(Op op);

struct Frame {
  Op op = Op::kNone;
  Kind kind = Kind::kCall;
  uint8_t descriptors = 0;  // sent along, as SCM_RIGHTS
  uint64_t id = 0;
  std::string payload;
};

constexpr size_t kHeaderSize = 16;
constexpr uint8_t kMaxDescriptors = 3;

struct Header {
  char bytes[kHeaderSize];
};
Header encode_header(const Frame& frame, size_t payload_size);

// Takes bytes as they come and gives whole frames. After a complaint it gives nothing more.
class FrameReader {
 public:
  explicit FrameReader(size_t max_payload) : max_payload_(max_payload) {}
  void set_max_payload(size_t size) { max_payload_ = size; }

  void append(std::string_view bytes) { buffer_.append(bytes); }
  // Where to read bytes into, at least `size` of them; committed(n) then says how many came.
  char* reserve(size_t size);
  void committed(size_t size) { buffer_.resize(before_ + size); }

  enum class Result : uint8_t { kFrame, kMore, kMalformed };
  Result next(Frame& frame);
  // How many bytes the frame that is being read still lacks, as far as known.
  size_t missing() const;
  const std::string& complaint() const { return complaint_; }

 private:
  Result complain(std::string text);

  size_t max_payload_;
  std::string buffer_;
  size_t start_ = 0;   // where the unread bytes begin
  size_t before_ = 0;  // the buffer's size before reserve()
  std::string complaint_;
};

}  // namespace gantry::isolation
