// Label selectors of objects (meta.v1.LabelSelector): whether labels match one, and one as text. Pure, any thread.
#pragma once

#include <google/protobuf/map.h>

#include <string>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/selector.pb.h"

namespace gantry::sdk {

using LabelMap = google::protobuf::Map<std::string, std::string>;

// An empty selector matches everything; a requirement with an unknown operator nothing.
bool selector_matches(const metav1::LabelSelector& selector, const LabelMap& labels);
bool is_empty(const metav1::LabelSelector& selector);

// As the list and cache interfaces want it: "app=web,tier in (a,b)".
std::string selector_text(const metav1::LabelSelector& selector);

// Whether `labels` have each of `wanted`, with the same value.
bool has_labels(const LabelMap& labels, const LabelMap& wanted);
bool same_labels(const LabelMap& a, const LabelMap& b);

}  // namespace gantry::sdk
