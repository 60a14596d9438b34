#include "core/node/probes/http_action.hpp"

#include <charconv>

namespace gantry::node {

Expected<int> resolve_port(const k8s::io::apimachinery::pkg::util::intstr::IntOrString& port,
                           const corev1::Container& container) {
  const bool named = port.type() == 1;
  int number = named ? 0 : port.int_val();
  if (named) {
    const auto& text = port.str_val();
    for (const auto& known : container.ports()) {
      if (known.name() == text) number = known.container_port();
    }
    if (number == 0) std::from_chars(text.data(), text.data() + text.size(), number);
  }
  if (number > 0 && number <= 65535) return number;
  return Status::invalid(named ? "couldn't find port: \"" + port.str_val() + "\""
                               : "invalid port number: " + std::to_string(port.int_val()));
}

Expected<HttpProbe> resolve_request(const corev1::HTTPGetAction& action, const std::string& pod_ip,
                                    const corev1::Container& container) {
  const auto port = resolve_port(action.port(), container);
  if (!port) return port.error();
  HttpProbe request{
      action.scheme() == "HTTPS", action.host().empty() ? pod_ip : action.host(), *port, action.path(), {}};
  for (const auto& header : action.http_headers()) request.headers.emplace_back(header.name(), header.value());
  return request;
}

}  // namespace gantry::node
