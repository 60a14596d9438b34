// Follows the Nodes of the API and tells the plugin that reaches them: differences, the complete list where the plugin
// may not know what it was told, and that every few minutes. What fails is told again, ever later. Keeps this node's
// own advert on its Node, too. Part of the agent role.
//
// The plugin is called on a thread of this room's own, so that one that hangs holds up nothing else. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/client/reflector.hpp"
#include "core/network/adverts.hpp"
#include "core/network/node_book.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::network {

class OtherNodes {
 public:
  struct Options {
    client::Client* client = nullptr;
    std::string self;                                      // the name of this node
    std::function<Status(const abi::OverlayNodes&)> tell;  // blocks
    // A plugin of gantry.network/1 alone: always the complete list, with all annotations beside the advert, not
    // regularly, and not while there has been no other node.
    bool network_alone = false;
    std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;  // never after stop()
    // Reads what the client tells, as client::ReflectorOptions::run; not where the plugin is called.
    std::function<void(std::function<void()> fn)> run;
    std::function<void(std::string_view topic, const std::string& text)> trouble;
  };
  explicit OtherNodes(Options options);

  void start();
  // From now on the plugin is told.
  void open();
  void advertise(Advert advert) { adverts_.want(std::move(advert)); }
  // For an instance that takes the plugin's place; not complete while the plugin is told of none.
  abi::OverlayNodes all() const;
  // No call is under way afterwards, none begins.
  void stop();

 private:
  void replace(const client::Client::List& list);
  void event(const client::WatchEvent& event);
  bool put(const k8s::io::api::core::v1::Node& node);
  bool drop(const std::string& name);
  void news();
  void tell();
  void tell_regularly();

  const Options options_;
  AdvertWriter adverts_;
  mutable std::mutex mutex_;  // not held through calls
  NodeBook book_;
  bool listed_ = false, open_ = false;
  bool posted_ = false;  // a tell() is on its way, or waits to try again
  bool told_ = false;
  int failures_ = 0;
  std::unique_ptr<client::Reflector> reflector_;
  plugin::WorkerPool pool_{"overlay", 1};
};

}  // namespace gantry::network
