// ServiceAccount: a pod that names no account runs as "default". The projected token volume is not added: there is no
// token issuer yet.
#include "core/admission/chain.hpp"
#include "core/admission/pod.hpp"

namespace gantry::admission {
namespace {

class ServiceAccount final : public NewPodStep {
 public:
  std::string_view name() const override { return "ServiceAccount"; }

 private:
  Status change(const WriteRequest&, boost::json::object& spec) const override {
    // A copy: adding a key moves the text.
    std::string account(schema::get_text(spec, "serviceAccountName"));
    if (account.empty()) account = "default";
    spec["serviceAccountName"] = account;
    spec["serviceAccount"] = account;  // the deprecated alias follows
    return {};
  }
};

}  // namespace

StepPtr service_account() { return std::make_shared<ServiceAccount>(); }

}  // namespace gantry::admission
