// CertificateRequester: a request for a certificate says who made it, whatever it said itself.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/admission/chain.hpp"
#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

class CertificateRequester final : public Step {
 public:
  std::string_view name() const override { return "CertificateRequester"; }
  bool handles(const WriteRequest& request) const override {
    return request.creates("certificates.k8s.io", "certificatesigningrequests");
  }
  Answer mutate(WriteRequest& request, Pause&) const override {
    auto* document = request.object->if_object();
    if (document == nullptr) return kPass;
    auto& spec = schema::ensure_object(*document, "spec");
    for (const std::string_view key : {"username", "uid", "groups", "extra"}) spec.erase(key);
    const auto& user = *request.user;
    if (!user.user.empty()) spec["username"] = user.user;
    if (!user.uid.empty()) spec["uid"] = user.uid;
    if (!user.groups.empty()) spec["groups"] = boost::json::array(user.groups.begin(), user.groups.end());
    if (user.extra.empty()) return kPass;
    auto& extra = schema::ensure_object(spec, "extra");
    for (const auto& [key, values] : user.extra) extra[key] = boost::json::array(values.begin(), values.end());
    return kPass;
  }
};

}  // namespace

StepPtr certificate_requester() { return std::make_shared<CertificateRequester>(); }

}  // namespace gantry::admission
