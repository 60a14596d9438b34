#include "settings.hpp"

#include <algorithm>

#include "gantry/quantity.hpp"

namespace gantry::sim {
namespace {

// What the server takes as a label's value, and behind the slash of its key.
bool is_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  const auto inner = [&](char c) { return plain(c) || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= 63 && plain(text.front()) && plain(text.back()) &&
         std::ranges::all_of(text, inner);
}

bool is_label(std::string_view key, std::string_view value) {
  const auto slash = key.find('/');
  const bool prefixed = slash != key.npos;
  const auto prefix = prefixed ? key.substr(0, slash) : std::string_view("x");
  const auto name = prefixed ? key.substr(slash + 1) : key;
  const auto lower = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !prefix.empty() && prefix.size() <= 253 && std::ranges::all_of(prefix, lower) && is_name(name) &&
         (value.empty() || is_name(value));
}

// Reads keys one after the other and keeps the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const sdk::Host& host) : host_(host) {}

  void text(std::string_view key, std::string& value) { take(host_.config_string(key, value), value); }
  void flag(std::string_view key, bool& value) { take(host_.config_bool(key, value), value); }
  std::vector<std::string> list(std::string_view key) {
    std::vector<std::string> value;
    take(host_.config_strings(key, {}), value);
    return value;
  }
  void number(std::string_view key, int64_t& value, int64_t least, int64_t most) {
    take(host_.config_int(key, value), value);
    if (value >= least && value <= most) return;
    wrong(std::string(key) + " must be between " + std::to_string(least) + " and " + std::to_string(most));
  }
  void millis(std::string_view key, int64_t& nanoseconds, int64_t least = 0) {
    int64_t value = nanoseconds / kMilli;
    number(key, value, least, 86'400'000);
    nanoseconds = value * kMilli;
  }
  void share(std::string_view key, double& value) {
    std::string written = "0";
    text(key, written);
    const auto parsed = parse_share(written);
    if (!parsed)
      return wrong(std::string(key) + " must be a share such as \"0.05\" or \"5%\", not \"" + written + "\"");
    value = *parsed;
  }
  void amount(std::string_view key, std::string& value) {
    text(key, value);
    const auto parsed = sdk::Quantity::parse(value);
    if (!parsed || parsed->negative() || parsed->zero())
      wrong(std::string(key) + " must be an amount above 0 such as \"4\", \"500m\" or \"8Gi\", not \"" + value + "\"");
  }
  void wrong(std::string what) {
    if (status_.ok()) status_ = Status::invalid("[plugin.sim] " + std::move(what));
  }
  Status status() const { return status_; }

 private:
  template <typename T>
  void take(Expected<T> read, T& value) {
    if (read)
      value = std::move(*read);
    else if (status_.ok())
      status_ = std::move(read).error();
  }

  const sdk::Host& host_;
  Status status_;
};

void read_labels(Reader& in, Settings& out) {
  for (const auto& label : in.list("labels")) {
    const auto at = label.find('=');
    if (at == 0 || at == std::string::npos)
      in.wrong("labels: \"" + label + "\" is not KEY=VALUE");
    else if (!is_label(std::string_view(label).substr(0, at), std::string_view(label).substr(at + 1)))
      in.wrong("labels: \"" + label + "\" is none that a node can have");
    else
      out.labels.emplace_back(label.substr(0, at), label.substr(at + 1));
  }
  for (const auto& taint : in.list("taints")) {
    const auto effect = taint.rfind(':');
    if (effect == 0 || effect == std::string::npos) {
      in.wrong("taints: \"" + taint + "\" is not KEY=VALUE:EFFECT");
      continue;
    }
    const auto pair = taint.substr(0, effect);
    const auto equals = pair.find('=');
    auto& made = out.taints.emplace_back();
    made.set_key(pair.substr(0, equals));
    if (equals != std::string::npos) made.set_value(pair.substr(equals + 1));
    made.set_effect(taint.substr(effect + 1));
  }
  out.zones = in.list("zones");
}

void read_timing(Reader& in, Timing& out) {
  in.millis("pull_ms", out.pull);
  in.millis("start_ms", out.start);
  in.millis("ready_ms", out.ready);
  in.millis("stop_ms", out.stop);
  in.millis("fail_after_ms", out.fail_after);
  in.millis("backoff_ms", out.backoff_first, 1);
  in.millis("backoff_max_ms", out.backoff_most, 1);
  in.share("jitter", out.jitter);
  in.share("fail_rate", out.fail_rate);
}

}  // namespace

Expected<Settings> read_settings(const sdk::Host& host) {
  Settings out;
  Reader in(host);
  in.number("nodes", out.nodes, 0, 10'000);
  in.text("prefix", out.prefix);
  in.amount("cpu", out.cpu);
  in.amount("memory", out.memory);
  in.number("pods", out.pods, 1, 4'000);
  read_labels(in, out);
  in.text("pod_cidr", out.pod_cidr);
  in.number("heartbeat_ms", out.heartbeat_ms, 0, 3'600'000);
  in.number("lease_seconds", out.lease_seconds, 1, 86'400);
  in.number("workers", out.workers, 1, 64);
  in.number("seed", out.seed, INT64_MIN, INT64_MAX);
  in.flag("events", out.events);
  read_timing(in, out.timing);
  if (!in.status().ok()) return in.status();
  return out;
}

}  // namespace gantry::sim
