// DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready or can't be reached, unless it
// says what it wants then.
#include "core/admission/chain.hpp"
#include "core/admission/pod.hpp"

namespace gantry::admission {
namespace {

using boost::json::object;

// Whether a toleration already speaks about NoExecute taints of this key.
bool covers(const object& toleration, std::string_view key) {
  const auto effect = schema::get_text(toleration, "effect");
  const auto own_key = schema::get_text(toleration, "key");
  return (own_key == key || own_key.empty()) && (effect == "NoExecute" || effect.empty());
}

class DefaultTolerationSeconds final : public NewPodStep {
 public:
  std::string_view name() const override { return "DefaultTolerationSeconds"; }

 private:
  Status change(const WriteRequest&, object& spec) const override {
    auto& list = spec["tolerations"];
    if (!list.is_array()) list.emplace_array();
    const size_t given = list.get_array().size();
    for (const std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
      bool covered = false;
      for (size_t i = 0; i < given; ++i) {
        const auto* toleration = list.get_array()[i].if_object();
        covered = covered || (toleration != nullptr && covers(*toleration, key));
      }
      if (covered) continue;
      list.get_array().push_back(
          object{{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
    }
    if (list.get_array().empty()) spec.erase("tolerations");
    return {};
  }
};

}  // namespace

StepPtr default_toleration_seconds() { return std::make_shared<DefaultTolerationSeconds>(); }

}  // namespace gantry::admission
