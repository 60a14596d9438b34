// Which requests for certificates are refused for what their subject says.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "core/admission/chain.hpp"

namespace gantry::admission {

StepPtr certificate_subject_restriction();

namespace {

// Its subject is /CN=me.
constexpr const char* kRequest =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISE1HOENBUUF3RFRFTE1Ba0dBMVVFQXd3Q2JXVXdXVEFUQmdj"
    "cWhrak9QUUlCQmdncWhrak9QUU1CQndOQwpBQVF5b0R2d1Y1UUVJVHI2Z3RzN2F2NUlFUjMvV0pENEtVcDVXeHh3ZFFXZVFBZDlB"
    "WE9NdGRYd3Z2cUp6R2M4CmdvYng2T3I3OW1OR0NCK3EzNlJWRXEvZW9BQXdDZ1lJS29aSXpqMEVBd0lEU0FBd1JRSWdDdDhoR3Jt"
    "ZVVNc0UKRGZha0JhNElrYytiSG1yQTNBK3RHRDFiWC95U2wwZ0NJUUQvMDM3KzdBRmUrc2NRNzUzMTdNbEZxNHIwQVU0dAoxV0Vu"
    "YjErSGtxOWhqQT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
// Its subject is /O=devs/O=system:masters/CN=me.
constexpr const char* kMastersRequest =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlId01JR1hBZ0VBTURVeERUQUxCZ05WQkFvTUJHUmxkbk14RnpB"
    "VkJnTlZCQW9NRG5ONWMzUmxiVHB0WVhOMApaWEp6TVFzd0NRWURWUVFEREFKdFpUQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlB"
    "d0VIQTBJQUJMeUIwcXRQCmRoQUFTL1g0WHJScGZTcTVGSWs0clM3Zkxqam92RkljWXZLYjdGeXh4MkNRZUZhdnE0TDExWXpDcFhm"
    "YkpQQW4KWlI0R3hSOUpaTDBKY2IyZ0FEQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpRUErRUFPWmlYY2tKNExhY3pXNWJTbQpOODdq"
    "OGxwTC81YkJaeUw4bmJvcG1SNENJQ3hTeWZPYzJPNVo3QmUxVzNxUDNKMnRpM2x0WmI5U3dCT2gvQmYwCmpITDIKLS0tLS1FTkQg"
    "Q0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==";

struct RequestForACertificate : WriteRequest {
  RequestForACertificate(const schema::Kind& of, schema::Json& what) {
    kind = &of;
    name = "r";
    object = &what;
  }
  void go_on(std::function<void(Status)>, Status) override {}
  std::function<void()> at_deadline(std::function<void()>) override { return nullptr; }
};
struct NeverLater : Pause {
  Resume later() override { return {}; }
};

constexpr const char* kClients = "kubernetes.io/kube-apiserver-client";

struct CertificateSubject : testing::Test {
  CertificateSubject() {
    kind.group = "certificates.k8s.io";
    kind.plural = "certificatesigningrequests";
  }
  std::string refusal(const char* request, const char* signer = kClients) const {
    schema::Json object = boost::json::object{{"spec", {{"request", request}, {"signerName", signer}}}};
    RequestForACertificate write(kind, object);
    NeverLater pause;
    return step->handles(write) ? step->validate(write, pause)->message() : "is none of its";
  }
  schema::Kind kind;
  StepPtr step = certificate_subject_restriction();
};

TEST_F(CertificateSubject, ThoseWhoMayDoEverythingGetNone) {
  EXPECT_EQ(refusal(kMastersRequest),
            "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: use of "
            "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
  EXPECT_EQ(refusal(kMastersRequest, "example.com/mine"), "") << "others know what they sign";
  EXPECT_EQ(refusal(kRequest), "");
}

TEST_F(CertificateSubject, WhatIsNoRequestIsRefused) {
  for (const char* none : {"", "eA==", "="}) {
    EXPECT_EQ(refusal(none),
              "certificatesigningrequests.certificates.k8s.io \"r\" is forbidden: failed to parse CSR: PEM block type "
              "must be CERTIFICATE REQUEST");
  }
}

}  // namespace
}  // namespace gantry::admission
