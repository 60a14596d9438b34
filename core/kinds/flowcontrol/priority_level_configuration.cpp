// PriorityLevelConfigurations: shares and queues, and the two levels that are always the same. Pure functions, any
// thread.
#include <cmath>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/conditions.hpp"

namespace gantry::kinds::flowcontrol_priority_level_configuration {
namespace {

constexpr int64_t kHandSize = 8, kQueues = 64, kQueueLength = 50, kMostQueues = 10'000'000;
constexpr int kHashBits = 60;  // by which a flow is dealt its queues
constexpr std::string_view kExempt = "exempt", kCatchAll = "catch-all";

void default_zero(JsonObject& object, std::string_view key, int64_t value) {
  if (get_number(object, key) == 0) object[key] = value;
}

// An exempt level always says what it lends. Before the constants, which fill in what it says.
void default_before(JsonObject& level) {
  JsonObject& spec = ensure_object(level, "spec");
  if (get_text(spec, "type") == "Exempt") ensure_object(spec, "exempt");
}

void default_after(JsonObject& level) {
  JsonObject& spec = ensure_object(level, "spec");
  JsonObject* limited = get_object(spec, "limited");
  JsonObject* response = limited != nullptr ? get_object(*limited, "limitResponse") : nullptr;
  JsonObject* queuing = response != nullptr ? get_object(*response, "queuing") : nullptr;
  if (queuing == nullptr) return;
  default_zero(*queuing, "handSize", kHandSize);
  default_zero(*queuing, "queues", kQueues);
  default_zero(*queuing, "queueLengthLimit", kQueueLength);
}

// A little more than tell apart all hands of so many from a deck.
double entropy_bits(int64_t deck, int64_t hand) {
  return std::ceil(std::log2(static_cast<double>(deck)) * static_cast<double>(hand));
}

void check_queuing(const JsonObject& queuing, const At& at, Errors& errors) {
  const int64_t length = get_number(queuing, "queueLengthLimit"), queues = get_number(queuing, "queues");
  const int64_t hand = get_number(queuing, "handSize");
  if (length <= 0) errors.invalid(at, "queueLengthLimit", length, "must be positive");
  if (queues <= 0) {
    errors.invalid(at, "queues", queues, "must be positive");
  } else if (queues > kMostQueues) {
    errors.invalid(at, "queues", queues, "must not be greater than 10000000");
  }
  if (hand <= 0) {
    errors.invalid(at, "handSize", hand, "must be positive");
  } else if (hand > queues) {
    errors.invalid(at, "handSize", hand, "should not be greater than queues (" + std::to_string(queues) + ")");
  } else if (entropy_bits(queues, hand) > kHashBits) {
    errors.invalid(at, "handSize", hand,
                   "required entropy bits of deckSize " + std::to_string(queues) + " and handSize " +
                       std::to_string(hand) + " should not be greater than " + std::to_string(kHashBits));
  }
}

void check_limited(const JsonObject& limited, const At& at, Errors& errors) {
  At here = at.child("limitResponse");
  const JsonObject& response = object_at(limited, "limitResponse");
  const std::string_view type = get_text(response, "type");
  const JsonObject* queuing = get_object(response, "queuing");
  if (type == "Reject") {
    if (queuing != nullptr) {
      errors.forbidden(here, "queuing", "must be nil if limited.limitResponse.type is not Limited");
    }
  } else if (type == "Queue") {
    if (queuing == nullptr) {
      return errors.required(here, "queuing", "must not be empty if limited.limitResponse.type is Limited");
    }
    check_queuing(*queuing, here.child("queuing"), errors);
  } else {
    errors.not_supported(here, "type", type, {"Queue", "Reject"});
  }
}

void check_spec(const JsonObject& spec, std::string_view name, const At& at, Errors& errors) {
  const std::string_view type = get_text(spec, "type");
  const JsonObject* limited = get_object(spec, "limited");
  if ((name == kExempt) != (type == "Exempt")) {
    errors.invalid(at, "type", Json(type), "type must be 'Exempt' if and only if name is 'exempt'");
  }
  if (type == "Exempt") {
    if (limited != nullptr) errors.forbidden(at, "limited", "must be nil if the type is not Limited");
  } else if (type == "Limited") {
    if (get(spec, "exempt") != nullptr) errors.forbidden(at, "exempt", "must be nil if the type is Limited");
    if (limited == nullptr) return errors.required(at, "limited", "must not be empty when type is Limited");
    check_limited(*limited, at.child("limited"), errors);
  } else {
    errors.not_supported(at, "type", type, {"Exempt", "Limited"});
  }
}

void check_mandatory(const JsonObject& spec, std::string_view name, const At& at, Errors& errors) {
  if (name == kExempt) {
    // What it lends is anybody's to say.
    if (spec.size() == (get(spec, "exempt") != nullptr ? 2U : 1U) && get_text(spec, "type") == "Exempt") return;
    return errors.invalid(at, "", spec, "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value");
  }
  if (name != kCatchAll) return;
  const JsonObject fixed{
      {"type", "Limited"},
      {"limited", {{"nominalConcurrencyShares", 5}, {"limitResponse", {{"type", "Reject"}}}, {"lendablePercent", 0}}}};
  if (!same_json(spec, fixed)) errors.invalid(at, "", spec, "spec of 'catch-all' must equal the fixed value");
}

void validate(const JsonObject& level, const JsonObject*, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject& metadata = object_at(level, "metadata");
  constexpr std::string_view kZeroShares = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
  if (object_at(metadata, "annotations").contains(kZeroShares)) {
    errors.forbidden(root.child("metadata"), "annotations",
                     "annotation '" + std::string(kZeroShares) + "' is forbidden");
  }
  const std::string_view name = get_text(metadata, "name");
  const JsonObject& spec = object_at(level, "spec");
  check_spec(spec, name, at, errors);
  check_mandatory(spec, name, at, errors);
  check_condition_types(object_at(level, "status"), "must not be empty", root.child("status"), errors);
}

void number_cell(Row& row, std::string& out, std::string_view path) {
  const Json* value = at(row.document, path);
  if (value == nullptr || !value->is_int64()) return put(out, "<none>");
  out += std::to_string(value->get_int64());
}
void shares(Row& row, std::string& out) { number_cell(row, out, "spec.limited.nominalConcurrencyShares"); }
void queues(Row& row, std::string& out) { number_cell(row, out, "spec.limited.limitResponse.queuing.queues"); }
void hand_size(Row& row, std::string& out) { number_cell(row, out, "spec.limited.limitResponse.queuing.handSize"); }
void queue_length(Row& row, std::string& out) {
  number_cell(row, out, "spec.limited.limitResponse.queuing.queueLengthLimit");
}

constexpr NamedCell kCells[] = {{"level-shares", shares},
                                {"level-queues", queues},
                                {"level-hand-size", hand_size},
                                {"level-queue-length", queue_length}};

}  // namespace

constinit const Behavior behavior{.group = "flowcontrol.apiserver.k8s.io",
                                  .kind = "PriorityLevelConfiguration",
                                  .default_before = default_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::flowcontrol_priority_level_configuration
