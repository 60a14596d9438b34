#include "gantry/template_hash.hpp"

#include "gantry/stable_bytes.hpp"

namespace gantry::sdk {
namespace {

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kLongestSetName = 253;

uint32_t fnv1a(std::string_view bytes, uint32_t hash) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

}  // namespace

std::string safe_text(uint32_t hash) {
  std::string text = std::to_string(hash);
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return text;
}

std::string template_hash(const corev1::PodTemplateSpec& spec, std::optional<int32_t> collisions) {
  const uint32_t hash = fnv1a(stable_bytes(spec), 2166136261U);
  return safe_text(collisions ? fnv1a(std::to_string(*collisions), hash) : hash);
}

std::string hashed_name(std::string_view owner, std::string_view hash) {
  owner = owner.substr(0, kLongestSetName - hash.size() - 1);
  // A cut may end at a separator, behind which the dash would not be allowed.
  while (!owner.empty() && (owner.back() == '.' || owner.back() == '-')) owner.remove_suffix(1);
  return std::string(owner) + "-" + std::string(hash);
}

}  // namespace gantry::sdk
