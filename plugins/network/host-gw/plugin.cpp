// The ABI face of host-gw: gantry.network/1.
#include "gantry/plugin.hpp"

#include "gantry/abi/network.h"
#include "host_gw.hpp"

namespace gantry::host_gw {
namespace {

// Decodes the request, calls, encodes what comes back.
template <typename Request, Status (HostGw::*Call)(const Request&)>
gantry_code verb(void* instance, gantry_slice request, gantry_buffer*, gantry_buffer* error) {
  return sdk::guard(error, [&]() -> gantry_code {
    Request message;
    if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
      return fail(Status::bad_request("the request could not be decoded"), error);
    }
    return fail((static_cast<HostGw*>(instance)->*Call)(message), error);
  });
}

gantry_code add(void* instance, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return sdk::guard(error, [&]() -> gantry_code {
    abi::NetworkAttachment message;
    if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
      return fail(Status::bad_request("the request could not be decoded"), error);
    }
    const auto result = static_cast<HostGw*>(instance)->add(message);
    if (!result) return fail(result.error(), error);
    fill_buffer(response, result->SerializeAsString());
    return 0;
  });
}

constexpr gantry_network kTable = {
    sizeof(gantry_network),
    &verb<abi::NetworkNode, &HostGw::set_node>,
    &verb<abi::NetworkNodes, &HostGw::set_nodes>,
    &add,
    &verb<abi::NetworkAttachment, &HostGw::del>,
    &verb<abi::NetworkAttachment, &HostGw::check>,
    &verb<abi::NetworkLive, &HostGw::gc>,
};

}  // namespace

const void* HostGw::get_interface(std::string_view id) { return id == GANTRY_NETWORK_ID ? &kTable : nullptr; }

}  // namespace gantry::host_gw

GANTRY_PLUGIN(gantry::host_gw::HostGw, "host-gw", "1.0.0", "Gantry", "Pod network on a bridge, routes between nodes",
              GANTRY_NETWORK_ID);
