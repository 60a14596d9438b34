// What a node tells the others' overlays: annotations of its Node, all under one prefix that is this room's own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/client/client.hpp"
#include "gantry/status.hpp"

namespace gantry::network {

inline constexpr std::string_view kAdvertPrefix = "overlay.gantry.dev/";
inline constexpr char kBackendType[] = "backend-type";  // the plugin's name, beside what it says itself

using Advert = std::map<std::string, std::string>;  // names without the prefix

// Of all annotations, those of the prefix. Pure.
template <typename Annotations>
Advert advert_of(const Annotations& annotations) {
  Advert out;
  for (const auto& [key, value] : annotations) {
    if (std::string_view(key).starts_with(kAdvertPrefix)) out[key.substr(kAdvertPrefix.size())] = value;
  }
  return out;
}

// Whether these names and values can be annotations; an error says which can not. Pure.
Status check_advert(const Advert& advert);

// Keeps the annotations of this node's Node as they are wanted: writes what differs, takes away what is no more wanted,
// touches no others. A write that fails is tried again, ever later; where somebody else writes them too, at most once a
// second. [any-thread]
class AdvertWriter {
 public:
  AdvertWriter(client::Client& client, std::string node,
               std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule,
               std::function<void(const std::string& text)> trouble);
  ~AdvertWriter();  // stops

  void want(Advert advert);
  // The Node as the API has it. Must not be called from within a call of the client that this makes.
  void seen(Advert there, uint64_t version);
  void lost();  // there is no Node

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::network
