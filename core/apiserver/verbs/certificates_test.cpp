// Requests for certificates as HTTP: who asks, who approves, and what signers may write.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kRequests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
constexpr const char* kApproval = "/apis/certificates.k8s.io/v1/certificatesigningrequests/r/approval";
constexpr const char* kRequest =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISE1HOENBUUF3RFRFTE1Ba0dBMVVFQXd3Q2JXVXdXVEFUQmdj"
    "cWhrak9QUUlCQmdncWhrak9QUU1CQndOQwpBQVF5b0R2d1Y1UUVJVHI2Z3RzN2F2NUlFUjMvV0pENEtVcDVXeHh3ZFFXZVFBZDlB"
    "WE9NdGRYd3Z2cUp6R2M4CmdvYng2T3I3OW1OR0NCK3EzNlJWRXEvZW9BQXdDZ1lJS29aSXpqMEVBd0lEU0FBd1JRSWdDdDhoR3Jt"
    "ZVVNc0UKRGZha0JhNElrYytiSG1yQTNBK3RHRDFiWC95U2wwZ0NJUUQvMDM3KzdBRmUrc2NRNzUzMTdNbEZxNHIwQVU0dAoxV0Vu"
    "YjErSGtxOWhqQT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

class CertificatesTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    made(kRequests, R"({"metadata":{"name":"r"},"spec":{"request":")" + std::string(kRequest) +
                        R"(","usages":["client auth"],"signerName":"example.com/mine","username":"somebody else",
                        "groups":["system:masters"],"uid":"x","extra":{"a":["b"]}}})");
  }
  Answer change(const std::string& path, const std::string& patch) { return ask("PATCH", path, patch, kMergePatch); }
};

TEST_F(CertificatesTest, SayWhoAsks) {
  const auto who = request("GET", "/").identity;
  const auto spec = ask("GET", std::string(kRequests) + "/r").json().at("spec");
  EXPECT_EQ(spec.at("username").as_string(), who.user);
  EXPECT_EQ(spec.as_object().contains("groups"), !who.groups.empty());
  EXPECT_EQ(spec.as_object().contains("uid"), !who.uid.empty());
  EXPECT_EQ(spec.as_object().contains("extra"), !who.extra.empty());
}

TEST_F(CertificatesTest, AreApprovedThroughAnAddressOfTheirOwn) {
  const std::string decision =
      R"({"metadata":{"labels":{"a":"b"}},"spec":{"signerName":"a.b/c"},"status":{"certificate":"eA==","conditions":[
          {"type":"Approved","status":"True","reason":"Mine","lastUpdateTime":"2026-01-01T00:00:00Z"}]}})";
  // Neither who made it nor who signs it approves it.
  EXPECT_EQ(change(std::string(kRequests) + "/r", decision).json().at("status").as_object().size(), 0U);
  const auto signer = change(std::string(kRequests) + "/r/status", R"({"status":{"conditions":[
      {"type":"Approved","status":"True"},{"type":"Failed","status":"True"}]}})");
  EXPECT_EQ(signer.code, 422);
  EXPECT_EQ(signer.text({"message"}),
            "CertificateSigningRequest.certificates.k8s.io \"r\" is invalid: status.conditions: Forbidden: updates may "
            "not add a condition of type \"Approved\"");
  const auto approved = change(kApproval, R"({"status":{"certificate":"eA==","conditions":[
      {"type":"Failed","status":"True"},
      {"type":"Approved","status":"True","reason":"Mine","lastUpdateTime":"2026-01-01T00:00:00Z"}]}})");
  ASSERT_EQ(approved.code, 200) << approved.body;
  const auto request = approved.json();
  EXPECT_EQ(request.at("spec").at("signerName").as_string(), "example.com/mine");
  EXPECT_FALSE(request.at("status").as_object().contains("certificate"));
  const auto& conditions = request.at("status").at("conditions").as_array();
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions[1].at("type").as_string(), "Approved");
  EXPECT_EQ(conditions[1].at("lastUpdateTime").as_string(), "2026-01-01T00:00:00Z");
  EXPECT_EQ(conditions[1].at("lastTransitionTime").as_string(), "2023-11-14T22:13:20Z");
  EXPECT_EQ(ask("GET", kApproval).json(), request);
  const auto back = change(kApproval, R"({"status":{"conditions":null}})");
  EXPECT_EQ(back.code, 422);
  EXPECT_NE(back.body.find("may not remove a condition of type"), std::string::npos) << back.body;
}

}  // namespace
}  // namespace gantry::apiserver
