#include "core/plugin/metrics_registry.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <variant>
#include <vector>

#include "gantry/abi/metrics.h"
#include "gantry/text.hpp"

namespace gantry::plugin {
namespace {

constexpr size_t kMaxPerOwner = 1'000;
constexpr size_t kMaxText = 4 * 1024;  // of name, help and labels: they are kept for good

// Names that rooms of the daemon declare, some of them after plugins are loaded.
constexpr std::array<std::string_view, 5> kReserved = {"apiserver_", "kubelet_", "gantry_network_",
                                                       "gantry_plugin_call_", "gantry_trouble_"};

using Labels = std::map<std::string, std::string>;

// `a="x",b="y"`; nothing when malformed.
std::optional<Labels> parse_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const size_t equals = text.find("=\"");
    const size_t end = equals == text.npos ? text.npos : text.find('"', equals + 2);
    if (end == text.npos || equals == 0) return std::nullopt;
    labels.emplace(text.substr(0, equals), as_text(text.substr(equals + 2, end - equals - 2)));
    text.remove_prefix(end + 1);
    if (!text.empty()) {
      if (text.front() != ',') return std::nullopt;
      text.remove_prefix(1);
    }
  }
  return labels;
}

// The exposition format is one of lines; the serializer writes a help text as it is.
std::string escaped_help(std::string_view help) {
  std::string out;
  for (const char c : as_text(help)) {
    if (c == '\\' || c == '\n') out += '\\';
    out += c == '\n' ? 'n' : c;
  }
  return out;
}

bool is_reserved(std::string_view name, const Labels& labels) {
  const auto has_label = [&](const char* label) { return labels.contains(label); };
  return has_label("plugin") || has_label("le") || has_label("quantile") ||
         std::any_of(kReserved.begin(), kReserved.end(), [&](std::string_view own) { return name.starts_with(own); });
}

}  // namespace

struct MetricsRegistry::Impl {
  // What all series of a name have in common, and whose they are if they are the daemon's.
  struct Family {
    int32_t kind = 0;
    std::string help;
    bool own = false;
    bool operator==(const Family&) const = default;
  };
  struct Wanted {
    int32_t kind;
    std::string_view name, help, labels;
  };
  using Metric = std::variant<prometheus::Counter*, prometheus::Gauge*, prometheus::Histogram*>;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  mutable std::shared_mutex mutex;
  std::vector<Metric> metrics;             // handle - 1
  std::map<std::string, uint64_t> by_key;  // owner, name, labels
  std::map<std::string, size_t, std::less<>> per_owner;
  std::map<std::string, Family, std::less<>> families;

  // `own`: a name of the daemon's, which no plugin may have.
  uint64_t declare(const std::string& owner, bool own, const Wanted& wanted, const Labels& parsed);
  Metric make(int32_t kind, const std::string& name, const std::string& help, const Labels& labels) {
    if (kind == GANTRY_METRIC_COUNTER) {
      return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
    }
    if (kind == GANTRY_METRIC_GAUGE) {
      return &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
    }
    static const prometheus::Histogram::BucketBoundaries kBounds{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05,
                                                                 0.1,    0.5,    1,     5,     10,   60};
    return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, kBounds);
  }
};

uint64_t MetricsRegistry::Impl::declare(const std::string& owner, bool own, const Wanted& wanted,
                                        const Labels& labels) {
  const std::string key = owner + '\n' + std::string(wanted.name) + '\n' + std::string(wanted.labels);
  const std::unique_lock lock(mutex);
  if (const auto it = by_key.find(key); it != by_key.end()) return it->second;
  size_t& count = per_owner[owner];
  if (count >= kMaxPerOwner) return 0;
  const Family family{wanted.kind, escaped_help(wanted.help), own};
  if (const auto known = families.find(wanted.name); known != families.end() && known->second != family) return 0;
  try {
    metrics.push_back(make(wanted.kind, std::string(wanted.name), family.help, labels));
  } catch (const std::exception&) {  // an invalid name, or one of another kind
    return 0;
  }
  families.emplace(wanted.name, family);
  ++count;
  return by_key[key] = metrics.size();
}

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

uint64_t MetricsRegistry::declare(std::string_view owner, int32_t kind, std::string_view name, std::string_view help,
                                  std::string_view labels) {
  if (std::max({name.size(), help.size(), labels.size()}) > kMaxText) return 0;
  auto parsed = parse_labels(labels);
  if (!parsed || kind < GANTRY_METRIC_COUNTER || kind > GANTRY_METRIC_HISTOGRAM) return 0;
  if (!owner.empty()) {
    if (is_reserved(name, *parsed)) return 0;
    parsed->emplace("plugin", owner);
  }
  return impl_->declare(std::string(owner), owner.empty(), {kind, name, help, labels}, *parsed);
}

uint64_t MetricsRegistry::declare_about(std::string_view plugin, int32_t kind, std::string_view name,
                                        std::string_view help, std::string_view labels) {
  auto parsed = parse_labels(labels);
  if (!parsed) return 0;
  parsed->emplace("plugin", plugin);
  return impl_->declare("about " + std::string(plugin), true, {kind, name, help, labels}, *parsed);
}

void MetricsRegistry::record(uint64_t metric, double value) {
  const std::shared_lock lock(impl_->mutex);
  if (metric == 0 || metric > impl_->metrics.size()) return;
  const auto& target = impl_->metrics[metric - 1];
  if (const auto* counter = std::get_if<prometheus::Counter*>(&target)) {
    if (value >= 0) (*counter)->Increment(value);
  } else if (const auto* gauge = std::get_if<prometheus::Gauge*>(&target)) {
    (*gauge)->Set(value);
  } else {
    std::get<prometheus::Histogram*>(target)->Observe(value);
  }
}

std::string MetricsRegistry::text() const { return prometheus::TextSerializer().Serialize(impl_->registry.Collect()); }

}  // namespace gantry::plugin
