#include "gantry/scheduling/requests.hpp"

#include <algorithm>

#include "gantry/pods.hpp"
#include "gantry/quantity.hpp"
#include "gantry/times.hpp"

namespace gantry::sdk {
namespace {

// Upstream's non-zero requests.
constexpr int64_t kDefaultMilliCpu = 100;
constexpr int64_t kDefaultMemory = 200LL << 20;

int64_t milli_amount_of(const k8s::io::apimachinery::pkg::api::resource::Quantity& text) {
  const auto quantity = Quantity::parse(text.string());
  return quantity ? quantity->milli_value() : 0;
}

// Around where 64 bits end, so that what was counted in is counted out whatever it was.
void count(int64_t& sum, int64_t more) { (void)__builtin_add_overflow(sum, more, &sum); }
void discount(int64_t& sum, int64_t less) { (void)__builtin_sub_overflow(sum, less, &sum); }

template <typename Change>
void for_each(Resources& sum, const Resources& other, Change change) {
  change(sum.milli_cpu, other.milli_cpu);
  change(sum.memory, other.memory);
  change(sum.storage, other.storage);
  for (const auto& [name, value] : other.others) {
    const auto it = sum.others.try_emplace(name, 0).first;
    change(it->second, value);
    if (it->second == 0) sum.others.erase(it);
  }
}

Resources with_defaults(Resources resources) {
  if (resources.milli_cpu == 0) resources.milli_cpu = kDefaultMilliCpu;
  if (resources.memory == 0) resources.memory = kDefaultMemory;
  return resources;
}

// Containers run together, with the sidecars started before them; init containers run one after the other, each
// beside the sidecars that precede it.
template <typename Of>
Resources total(const corev1::PodSpec& spec, Of&& of) {
  Resources total, sidecars, highest;
  for (const auto& container : spec.containers()) total.add(of(container));
  for (const auto& init : spec.init_containers()) {
    Resources now = of(init);
    if (is_sidecar(init)) {
      total.add(now);
      sidecars.add(now);
      now = sidecars;
    } else {
      now.add(sidecars);
    }
    highest.raise_to(now);
  }
  total.raise_to(highest);
  return total;
}

// Requests of the pod as a whole stand in place of its containers' sum.
void apply_pod_level(const Resources& whole, Resources& total) {
  if (whole.milli_cpu > 0) total.milli_cpu = whole.milli_cpu;
  if (whole.memory > 0) total.memory = whole.memory;
  for (const auto& [name, amount] : whole.others) {
    if (name.starts_with("hugepages-")) total.others[name] = amount;
  }
}

}  // namespace

int64_t amount_of(const k8s::io::apimachinery::pkg::api::resource::Quantity& text) {
  const auto quantity = Quantity::parse(text.string());
  return quantity ? quantity->value() : 0;
}

int64_t Resources::other(std::string_view name) const {
  const auto it = others.find(name);
  return it != others.end() ? it->second : 0;
}

void Resources::raise_to(const Resources& least) {
  for_each(*this, least, [](int64_t& mine, int64_t value) { mine = std::max(mine, value); });
}

void Resources::add(const Resources& more) {
  for_each(*this, more, [](int64_t& sum, int64_t value) { sum = later(sum, value); });
}

void Resources::count_in(const Resources& more) { for_each(*this, more, count); }

void Resources::count_out(const Resources& less) { for_each(*this, less, discount); }

Resources resources_of(const ResourceList& list) {
  Resources resources;
  for (const auto& [name, quantity] : list) {
    if (name == "cpu")
      resources.milli_cpu = milli_amount_of(quantity);
    else if (name == "memory")
      resources.memory = amount_of(quantity);
    else if (name == "ephemeral-storage")
      resources.storage = amount_of(quantity);
    else if (name != "pods")
      resources.others[name] = amount_of(quantity);
  }
  return resources;
}

PodRequests requests_of(const corev1::PodSpec& spec) {
  const auto of = [](const auto& container) { return resources_of(container.resources().requests()); };
  PodRequests out{total(spec, of), total(spec, [&](const auto& container) { return with_defaults(of(container)); })};
  const auto whole = resources_of(spec.resources().requests()), overhead = resources_of(spec.overhead());
  for (auto* sum : {&out.requests, &out.scored}) {
    apply_pod_level(whole, *sum);
    sum->add(overhead);
  }
  return out;
}

}  // namespace gantry::sdk
