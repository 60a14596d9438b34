#include "template_hash.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace gantry::deployment {
namespace {

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kMaxName = 253;

// FNV-1a, 32 bit.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      value_ ^= static_cast<unsigned char>(c);
      value_ *= 16777619U;
    }
  }
  uint32_t value() const { return value_; }

 private:
  uint32_t value_ = 2166136261U;
};

}  // namespace

std::string canonical_bytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  {
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&out);
  }
  return bytes;
}

std::string template_hash(const corev1::PodTemplateSpec& spec, std::optional<int32_t> collisions) {
  Hash hash;
  hash.add(canonical_bytes(spec));
  if (collisions) hash.add(std::to_string(*collisions));
  std::string text = std::to_string(hash.value());
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return text;
}

std::string replica_set_name(std::string_view deployment, std::string_view hash) {
  deployment = deployment.substr(0, kMaxName - hash.size() - 1);
  // A cut may end at a separator, behind which the dash would not be allowed.
  while (!deployment.empty() && (deployment.back() == '.' || deployment.back() == '-')) deployment.remove_suffix(1);
  return std::string(deployment) + "-" + std::string(hash);
}

}  // namespace gantry::deployment
