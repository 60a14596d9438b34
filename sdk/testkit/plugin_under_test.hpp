// Any plugin as the daemon sees it, for its unit test: made, asked for its tables and ended through its entry point.
//
// The test's program contains the plugin's sources (gantry_add_plugin_test(... PLUGIN name)) and a ScriptedHost that
// outlives this. One thread.
#pragma once

#include <stdexcept>
#include <string>

#include "gantry/abi/plugin.h"
#include "scripted_host.hpp"

// The plugin's own, defined by GANTRY_PLUGIN or GANTRY_CONTROLLER.
extern "C" const gantry_plugin_api gantry_plugin;

namespace gantry::testkit {

class PluginUnderTest {
 public:
  // Throws when the plugin can't be made, with its reason.
  explicit PluginUnderTest(ScriptedHost& host) {
    Buffer error;
    if (const auto code = gantry_plugin.create(&host.host, &instance_, error.out()); code != 0) {
      throw std::runtime_error("the plugin's create failed: " + status_of(code, error.view()).message());
    }
  }
  ~PluginUnderTest() { gantry_plugin.destroy(instance_); }
  PluginUnderTest(const PluginUnderTest&) = delete;
  PluginUnderTest& operator=(const PluginUnderTest&) = delete;

  void* instance() const { return instance_; }
  // The table of an interface; throws when the plugin has none.
  template <typename Table>
  const Table& table(const char* id) const {
    const auto* found = static_cast<const Table*>(gantry_plugin.get_interface(instance_, id));
    if (found == nullptr) throw std::runtime_error(std::string("the plugin has no interface ") + id);
    return *found;
  }
  // One verb of a runtime, network or overlay: call<Response>(table.add, request).
  template <typename Response, typename Verb, typename Request>
  Expected<Response> call(Verb verb, const Request& request) const {
    if (verb == nullptr) throw std::runtime_error("the plugin's table lacks this verb");
    Buffer response, error;
    const auto bytes = request.SerializeAsString();
    if (const auto code = verb(instance_, to_slice(bytes), response.out(), error.out()); code != 0) {
      return status_of(code, error.view());
    }
    Response answer;
    if (!answer.ParseFromArray(response.view().data(), static_cast<int>(response.view().size()))) {
      return Status::internal("the plugin's answer could not be decoded");
    }
    return answer;
  }
  // The same where nothing but success is answered.
  template <typename Verb, typename Request>
  Status run(Verb verb, const Request& request) const {
    const auto answer = call<abi::StringList>(verb, request);
    return answer ? Status() : answer.error();
  }

 private:
  void* instance_ = nullptr;
};

}  // namespace gantry::testkit
