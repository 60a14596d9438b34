#include "gantry/scheduling/tolerations.hpp"

#include <algorithm>

namespace gantry::sdk {

Tolerations::Tolerations(const google::protobuf::RepeatedPtrField<corev1::Toleration>& list) {
  for (const auto& toleration : list) {
    const auto& op = toleration.operator_();
    if (op == "Exists") {
      keys_[toleration.key()].exists.push_back(toleration.effect());
    } else if ((op.empty() || op == "Equal") && !toleration.key().empty()) {
      keys_[toleration.key()].equals.emplace_back(toleration.value(), toleration.effect());
    }
  }
  for (auto& [key, of] : keys_) {
    std::sort(of.exists.begin(), of.exists.end());
    of.exists.erase(std::unique(of.exists.begin(), of.exists.end()), of.exists.end());
    std::sort(of.equals.begin(), of.equals.end());
  }
}

bool Tolerations::OfKey::tolerate(const corev1::Taint& taint) const {
  const auto before = [](const auto& pair, const auto& wanted) {
    return std::pair<std::string_view, std::string_view>(pair) < wanted;
  };
  for (const std::string_view effect : {std::string_view(), std::string_view(taint.effect())}) {
    if (std::binary_search(exists.begin(), exists.end(), effect)) return true;
    const std::pair<std::string_view, std::string_view> wanted(taint.value(), effect);
    const auto it = std::lower_bound(equals.begin(), equals.end(), wanted, before);
    if (it != equals.end() && it->first == wanted.first && it->second == effect) return true;
  }
  return false;
}

bool Tolerations::tolerate(const corev1::Taint& taint) const {
  for (const std::string_view key : {std::string_view(), std::string_view(taint.key())}) {
    const auto it = keys_.find(key);
    if (it != keys_.end() && it->second.tolerate(taint)) return true;
  }
  return false;
}

corev1::Taint unschedulable_taint() {
  corev1::Taint taint;
  taint.set_key("node.kubernetes.io/unschedulable");
  taint.set_effect("NoSchedule");
  return taint;
}

}  // namespace gantry::sdk
