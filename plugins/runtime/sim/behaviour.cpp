#include "behaviour.hpp"

#include <charconv>

#include "gantry/quantity.hpp"

namespace gantry::sim {
namespace {

constexpr std::string_view kDomain = "sim.gantry.dev/";

void read_duration(std::string_view text, int64_t& into) {
  if (const auto parsed = parse_duration(text)) into = *parsed;
}
void read_share(std::string_view text, double& into) {
  if (const auto parsed = parse_share(text)) into = *parsed;
}
void read_amount(std::string_view text, int64_t (sdk::Quantity::*read)() const, int64_t& into) {
  const auto amount = sdk::Quantity::parse(text);
  if (amount && !amount->negative()) into = ((*amount).*read)();
}
void read_code(std::string_view text, int32_t& into) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= 255) into = value;
}

void apply(std::string_view key, std::string_view value, Behaviour& out) {
  if (key == "run-for")
    read_duration(value, out.run_for);
  else if (key == "exit-code")
    read_code(value, out.exit_code);
  else if (key == "init-run-for")
    read_duration(value, out.init_run_for);
  else if (key == "init-exit-code")
    read_code(value, out.init_exit_code);
  else if (key == "ready")
    out.ready = value != "false";
  else if (key == "cpu-usage")
    read_amount(value, &sdk::Quantity::milli_value, out.cpu_milli);
  else if (key == "memory-usage")
    read_amount(value, &sdk::Quantity::value, out.memory);
  else if (key == "fail-rate")
    read_share(value, out.timing.fail_rate);
  else if (key == "fail-after")
    read_duration(value, out.timing.fail_after);
  else if (key == "pull-latency")
    read_duration(value, out.timing.pull);
  else if (key == "start-latency")
    read_duration(value, out.timing.start);
  else if (key == "ready-latency")
    read_duration(value, out.timing.ready);
  else if (key == "stop-latency")
    read_duration(value, out.timing.stop);
}

}  // namespace

Behaviour behaviour_of(const corev1::Pod& pod, const Timing& usual) {
  Behaviour out{.timing = usual};
  for (const auto& [key, value] : pod.metadata().annotations()) {
    if (key.starts_with(kDomain)) apply(std::string_view(key).substr(kDomain.size()), value, out);
  }
  return out;
}

}  // namespace gantry::sim
