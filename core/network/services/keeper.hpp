// What a keeper of objects is made of: the lists that it follows, and the steps by which it puts right what it keeps.
// The keepers of IPAddresses and of ServiceCIDRs are two. Runs in the server role, on the thread that it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/reflector.hpp"
#include "core/network/services/keyed_steps.hpp"

namespace gantry::network {

struct KeeperOptions {
  client::Client* client = nullptr;
  std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;
  // Reads what the client tells, on a thread of the caller's (client::ReflectorOptions::run). Null: on the client's.
  std::function<void(std::function<void()> fn)> run = nullptr;
  std::function<void(int32_t level, std::string_view text)> log;
};

class Keeper : public std::enable_shared_from_this<Keeper> {
 public:
  virtual ~Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Once; before any of the lists is followed.
  void start();
  void stop();

 protected:
  using Names = std::set<std::string>;
  using Reflector = std::unique_ptr<client::Reflector>;

  // `what` is its kind, as messages name it.
  Keeper(KeeperOptions options, std::string what) : options_(std::move(options)), what_(std::move(what)) {}

  // Begins to follow its lists.
  virtual void follow_all() = 0;
  // KeyedStepsOptions::next.
  virtual std::optional<client::ApiRequest> next(const std::string& name) = 0;

  // The whole list, then what changes of it, as long as this lives.
  template <typename Kept>
  void follow(const client::ResourceRef& what, std::string selector, void (Kept::*replace)(const client::Client::List&),
              void (Kept::*see)(const client::WatchEvent&)) {
    client::ReflectorHandler handler;
    handler.replace = [weak = weak_from_this(), replace](const client::Client::List& list) {
      if (const auto self = weak.lock()) (static_cast<Kept*>(self.get())->*replace)(list);
    };
    handler.event = [weak = weak_from_this(), see](const client::WatchEvent& event) {
      if (const auto self = weak.lock()) (static_cast<Kept*>(self.get())->*see)(event);
    };
    follow_with(what, std::move(selector), std::move(handler));
  }
  // Nothing: it can't be read.
  template <typename Message>
  static std::optional<Message> read(const client::Object& object) {
    Message out;
    if (!out.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return std::nullopt;
    return out;
  }
  void look(const std::string& name) const { steps_->look(name); }
  void look(const Names& names) const;
  // Once, unless it is gone by then.
  template <typename Kept>
  void call_after(int64_t delay_ms, std::function<void(Kept&)> fn) {
    options_.schedule(delay_ms, [weak = weak_from_this(), fn = std::move(fn)] {
      if (const auto self = weak.lock()) fn(static_cast<Kept&>(*self));
    });
  }

 private:
  void follow_with(const client::ResourceRef& what, std::string selector, client::ReflectorHandler handler);

  const KeeperOptions options_;
  const std::string what_;
  std::shared_ptr<KeyedSteps> steps_;
  std::vector<Reflector> followed_;
};

}  // namespace gantry::network
