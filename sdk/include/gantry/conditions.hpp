// Conditions of a status: the list of meta.v1.Condition, or of a kind's own type with the same fields. Pure, any
// thread.
//
// The rule of upstream's helpers: lastTransitionTime changes when, and only when, the status does.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string_view>

#include "gantry/times.hpp"

namespace gantry::sdk {

template <typename Condition>
const Condition* find_condition(const google::protobuf::RepeatedPtrField<Condition>& conditions,
                                std::string_view type) {
  for (const auto& condition : conditions) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

template <typename Condition>
bool is_condition_true(const google::protobuf::RepeatedPtrField<Condition>& conditions, std::string_view type) {
  const auto* found = find_condition(conditions, type);
  return found != nullptr && found->status() == "True";
}

// Makes the condition of `wanted`'s type say what `wanted` says; true when that changed something, so that the status
// has to be written. Its lastTransitionTime is `now_unix_ns` when the status changed or the condition is new, else
// stays; one that `wanted` brings is taken instead.
template <typename Condition>
bool set_condition(google::protobuf::RepeatedPtrField<Condition>& conditions, Condition wanted, int64_t now_unix_ns) {
  for (auto& condition : conditions) {
    if (condition.type() != wanted.type()) continue;
    const bool turned = condition.status() != wanted.status();
    if (!turned) {
      *wanted.mutable_last_transition_time() = condition.last_transition_time();
    } else if (!wanted.has_last_transition_time()) {
      *wanted.mutable_last_transition_time() = to_time(now_unix_ns);
    }
    if (condition.SerializeAsString() == wanted.SerializeAsString()) return false;
    condition = std::move(wanted);
    return true;
  }
  if (!wanted.has_last_transition_time()) *wanted.mutable_last_transition_time() = to_time(now_unix_ns);
  *conditions.Add() = std::move(wanted);
  return true;
}

// True when there was one.
template <typename Condition>
bool remove_condition(google::protobuf::RepeatedPtrField<Condition>& conditions, std::string_view type) {
  for (int i = 0; i < conditions.size(); ++i) {
    if (conditions.Get(i).type() != type) continue;
    conditions.DeleteSubrange(i, 1);
    return true;
  }
  return false;
}

}  // namespace gantry::sdk
