// The IPAddresses of the Services' cluster IPs: each has one, which names its Service, and goes with it. What somebody
// deletes or changes of them is put right; those that people make for themselves are left alone, but where a Service
// has their address already.
//
// They follow the Services, and decide nothing: who has which address is ServiceNumbers' to say. At the start all are
// compared, so that a crash between a Service and its IPAddress leaves nothing behind. Runs in the server role, on the
// thread that it is given.
#pragma once

#include <memory>

#include "core/network/services/keeper.hpp"

namespace gantry::network {

using AddressKeeperOptions = KeeperOptions;

class AddressKeeper {
 public:
  explicit AddressKeeper(AddressKeeperOptions options);
  ~AddressKeeper();  // stops
  AddressKeeper(const AddressKeeper&) = delete;
  AddressKeeper& operator=(const AddressKeeper&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::network
