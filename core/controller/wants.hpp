// What a plugin wants of the controller host, as an instance of it says: by gantry.controller/1, or without a
// controller by gantry.watches/1. Asked on the thread that changes plugins.
#pragma once

#include "core/plugin/instance.hpp"
#include "gantry/abi.pb.h"
#include "gantry/status.hpp"

namespace gantry::controller {

struct Wants {
  gantry::abi::ControllerSpec spec;
  // Else there are no keys: it is told of the changes of its CUSTOM watches, and of all objects at the beginning.
  bool reconciles = true;

  bool same_as(const Wants& other) const {
    return reconciles == other.reconciles && spec.SerializeAsString() == other.spec.SerializeAsString();
  }
};

// `plugin`: its name, for sentences. An error: what it says makes no sense, whatever the server may say to it.
Expected<Wants> ask_wants(plugin::Instance& instance, const std::string& plugin);

}  // namespace gantry::controller
