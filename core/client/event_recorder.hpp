// Writes Kubernetes Events for controllers, the scheduler and the node agent: at once for the caller, in the background
// for the API.
//
// What is no text in the words (of a runtime, of a container) becomes so; a message is cut at 1,024 bytes.
// Owns one thread, which correlates and starts requests; up to 32 are under way. What can't be written is dropped:
// Events are notes, nobody depends on them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "core/client/client.hpp"

namespace gantry::limits {
class Notices;
}

namespace gantry::client {

class EventRecorder {
 public:
  struct Options {
    size_t max_waiting = 1'000;  // then the oldest are dropped
    size_t max_requests = 32;
    int tries = 5;                                 // where the server can't be reached or is overloaded
    std::chrono::milliseconds retry_delay{1'000};  // doubles
    limits::Notices* notices = nullptr;            // told of events that the server refuses; outlives the recorder
  };

  // The client must outlive the recorder. now: nanoseconds since 1970; called on any thread.
  EventRecorder(Client& client, std::function<int64_t()> now);
  EventRecorder(Client& client, std::function<int64_t()> now, Options options);
  // Forgets what waits; requests under way end on their own.
  ~EventRecorder();
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  // regarding: serialized k8s.io.api.core.v1.ObjectReference. type: "Normal", "Warning". Never blocks. [any-thread]
  void record(std::string_view component, std::string_view host, std::string_view regarding, std::string_view type,
              std::string_view reason, std::string_view message);

  // How many were dropped or given up so far. [any-thread]
  uint64_t dropped() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::client
