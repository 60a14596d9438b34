// GANTRY_PLUGIN: makes a class into a plugin.
//
// The class needs
//   static Expected<std::unique_ptr<T>> create(sdk::Host host);
//   const void* get_interface(std::string_view id);      // abi tables; null for what it does not offer
// and stays alive until the host calls destroy. No exception leaves it through the ABI: each entry turns one
// into an error.
#pragma once

#include <exception>
#include <memory>
#include <string_view>

#include "gantry/abi/plugin.h"
#include "gantry/host.hpp"

namespace gantry::sdk {

// Runs fn, which returns a gantry_code, and turns what it throws into a 500.
template <typename Fn>
gantry_code guard(gantry_buffer* error, Fn&& fn) noexcept {
  try {
    return fn();
  } catch (const std::exception& e) {
    return fail(Status::internal(e.what()), error);
  } catch (...) {
    return fail(Status::internal("unknown exception"), error);
  }
}

template <typename T>
struct PluginEntry {
  static gantry_code create(const gantry_host* host, void** instance, gantry_buffer* error) {
    return guard(error, [&]() -> gantry_code {
      Expected<std::unique_ptr<T>> made = T::create(Host(host));
      if (!made) return fail(made.error(), error);
      *instance = (*made).release();
      return 0;
    });
  }
  static void destroy(void* instance) { delete static_cast<T*>(instance); }
  static const void* get_interface(void* instance, const char* id) {
    return static_cast<T*>(instance)->get_interface(std::string_view(id));
  }
};

}  // namespace gantry::sdk

// GANTRY_PLUGIN(Class, "name", "1.0.0", "vendor", "What it does", "gantry.runtime/1", ...)
#define GANTRY_PLUGIN(CLASS, NAME, VERSION, VENDOR, DESCRIPTION, ...)                                  \
  namespace {                                                                                          \
  const char* const gantry_plugin_interfaces[] = {__VA_ARGS__, nullptr};                               \
  const gantry_plugin_descriptor gantry_plugin_described = {                                           \
      sizeof(gantry_plugin_descriptor), NAME, VERSION, VENDOR, DESCRIPTION, gantry_plugin_interfaces}; \
  }                                                                                                    \
  extern "C" __attribute__((visibility("default"))) const gantry_plugin_api gantry_plugin;             \
  extern "C" const gantry_plugin_api gantry_plugin = {sizeof(gantry_plugin_api),                       \
                                                      GANTRY_ABI_MAJOR,                                \
                                                      GANTRY_ABI_MINOR,                                \
                                                      &gantry_plugin_described,                        \
                                                      &::gantry::sdk::PluginEntry<CLASS>::create,      \
                                                      &::gantry::sdk::PluginEntry<CLASS>::destroy,     \
                                                      &::gantry::sdk::PluginEntry<CLASS>::get_interface}
