// The connection to one plugin's process, as the daemon's threads use it.
//
// Calls go over lanes: a lane is a socket with one thread over there, used by one call at a time, so a call costs two
// switches between threads and none through a reader. What the plugin asks of its host while it works on a call comes
// back on the same lane and is done by the thread that waits for the call: it has what belongs to that thread, the key
// that is reconciled above all. The main lane is the process's main thread. What comes outside of calls comes over the
// control connection (Supervisor).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/isolation/channel.hpp"
#include "core/isolation/host_bridge.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/isolation/later_calls.hpp"
#include "core/isolation/payload.hpp"
#include "core/isolation/supervisor.hpp"

namespace gantry::isolation {

class Session : public std::enable_shared_from_this<Session> {
 public:
  enum class Where : uint8_t { kMain, kAnyLane };

  static Expected<std::shared_ptr<Session>> start(const IsolationOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One call; blocks until it is answered or the process is gone.
  Reply call(Op op, std::string_view payload, Where where = Where::kAnyLane, std::span<const int> descriptors = {});
  // With the deadline of what takes its time.
  Reply long_call(Op op, std::string_view payload, std::span<const int> descriptors = {});
  // The same without a thread that waits: over the control connection, where what the plugin asks of its host meanwhile
  // comes, too.
  void call_later(Op op, std::string payload, LaterCalls::Answered answered);
  // The process sent something that makes no sense.
  void complain(const std::string& what) { supervisor_.fail("sent a malformed frame: " + what); }
  // Ends the process; on_exit is not told.
  void close();
  // The process has ended or is being ended: calls fail.
  bool lost() const { return supervisor_.ended(); }
  // From now on calls have the stop's deadline, those under way too.
  void hurry();

  HostBridge& bridge() { return bridge_; }
  bool memory_limited() const { return memory_limited_; }

 private:
  struct Lane {
    explicit Lane(Channel made) : channel(std::move(made)) {}
    Channel channel;
    uint64_t last_id = 0;
  };
  struct Call {
    Op op;
    std::string_view payload;
    std::span<const int> descriptors;
    std::chrono::milliseconds deadline;
  };
  // Counts a call that begins before hurry(); later ones have the short deadline from the start.
  class Early {
   public:
    explicit Early(Session& session) : calls_(session.hurried_ ? nullptr : &session.early_calls_) {
      if (calls_ != nullptr) ++*calls_;
    }
    ~Early() {
      if (calls_ != nullptr) --*calls_;
    }
    Early(const Early&) = delete;
    Early& operator=(const Early&) = delete;

   private:
    std::atomic<size_t>* const calls_;
  };

  explicit Session(const IsolationOptions& options);
  SupervisorOptions supervisor_options(const IsolationOptions& options);
  Reply call_on_lanes(const Call& call);
  std::chrono::milliseconds within(std::chrono::milliseconds deadline) const {
    return hurried_ ? std::min(deadline, stop_deadline_) : deadline;
  }
  std::unique_ptr<Lane> take_lane();
  void give_lane(std::unique_ptr<Lane> lane, bool good);
  std::unique_ptr<Lane> make_lane();
  bool transact(Lane& lane, const Call& call, Reply& reply);
  bool await_answer(Lane& lane, const Call& call, uint64_t id, Reply& reply);
  Reply too_large(Op op, size_t bytes) const;
  Reply too_many(Op op) const;
  void late(const Call& call);
  std::string serve(Frame& frame);
  void end(const std::string& cause);
  void shut_lanes();
  Reply unavailable(const std::string& cause) const;
  Reply gone() { return unavailable(supervisor_.broken()); }

  const std::string name_;
  const std::chrono::milliseconds deadline_, long_deadline_, stop_deadline_;
  const size_t max_frame_;
  bool memory_limited_ = false;
  std::atomic<bool> hurried_{false};
  std::atomic<size_t> early_calls_{0};
  HostBridge bridge_;
  LaterCalls later_;

  std::mutex main_mutex_;
  std::unique_ptr<Lane> main_;

  std::mutex lanes_mutex_;
  std::condition_variable lane_free_;
  std::vector<std::unique_ptr<Lane>> idle_;  // the last used first: it is warm
  std::set<int> sockets_;                    // of all lanes, to shut them when the process is gone
  size_t lanes_ = 0;
  bool over_ = false;

  Supervisor supervisor_;  // last: its thread uses all of the above
};

}  // namespace gantry::isolation
