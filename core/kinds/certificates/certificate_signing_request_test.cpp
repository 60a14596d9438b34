// CertificateSigningRequests: what is asked for, decisions, certificates, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/kinds/parts/certificate_pem.hpp"
#include "core/schema/table/table.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::kinds::certificates_certificate_signing_request_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Of openssl req -new and openssl req -x509, in base64 as JSON has them.
constexpr std::string_view kRequest =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISE1HOENBUUF3RFRFTE1Ba0dBMVVFQXd3Q2JXVXdXVEFUQmdj"
    "cWhrak9QUUlCQmdncWhrak9QUU1CQndOQwpBQVF5b0R2d1Y1UUVJVHI2Z3RzN2F2NUlFUjMvV0pENEtVcDVXeHh3ZFFXZVFBZDlB"
    "WE9NdGRYd3Z2cUp6R2M4CmdvYng2T3I3OW1OR0NCK3EzNlJWRXEvZW9BQXdDZ1lJS29aSXpqMEVBd0lEU0FBd1JRSWdDdDhoR3Jt"
    "ZVVNc0UKRGZha0JhNElrYytiSG1yQTNBK3RHRDFiWC95U2wwZ0NJUUQvMDM3KzdBRmUrc2NRNzUzMTdNbEZxNHIwQVU0dAoxV0Vu"
    "YjErSGtxOWhqQT09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
constexpr std::string_view kCertificate =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJjRENDQVJlZ0F3SUJBZ0lVVVhhLzJmeGt3TnhTdjlFNGJ4b1A1dHRBSG04"
    "d0NnWUlLb1pJemowRUF3SXcKRFRFTE1Ba0dBMVVFQXd3Q2JXVXdJQmNOTWpZeE1USTRNVE13TnpJeFdoZ1BNakV5TmpFeE1EUXhN"
    "ekEzTWpGYQpNQTB4Q3pBSkJnTlZCQU1NQW0xbE1Ga3dFd1lIS29aSXpqMENBUVlJS29aSXpqMERBUWNEUWdBRU1xQTc4RmVVCkJD"
    "RTYrb0xiTzJyK1NCRWQvMWlRK0NsS2VWc2NjSFVGbmtBSGZRRnpqTFhWOEw3NmljeG5QSUtHOGVqcSsvWmoKUmdnZnF0K2tWUkt2"
    "M3FOVE1GRXdIUVlEVlIwT0JCWUVGSU84cEhYWFVJZnBYM1hpblc0cjZSR01HMk1sTUI4RwpBMVVkSXdRWU1CYUFGSU84cEhYWFVJ"
    "ZnBYM1hpblc0cjZSR01HMk1sTUE4R0ExVWRFd0VCL3dRRk1BTUJBZjh3CkNnWUlLb1pJemowRUF3SURSd0F3UkFJZ09HQzM2OTVB"
    "UVZsV1dQWjc4d3VsSExPN2VvajZWeU9nM0JSd2FjaWsKK3RVQ0lDWG1EaEJ6T3BiQUxycmMvdGkzZGUvQkNLekRSNUZadnhmNGh0"
    "R0FYTDlFCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

const Kind& requests() { return kind("certificates.k8s.io", "CertificateSigningRequest"); }
std::string request() {
  return R"({"metadata":{"name":"any:name"},"spec":{"request":")" + std::string(kRequest) +
         R"(","usages":["client auth"],"signerName":"example.com/mine"}})";
}
Json with(std::string_view patch) { return made(requests(), request(), patch); }
Problems of_new(std::string_view spec) {
  return lines(validate(requests(), with(R"({"spec":)" + std::string(spec) + "}")));
}
Problems change(std::string_view now, std::string_view before = "{}") {
  const Json old = with(R"({"status":)" + std::string(before) + "}");
  return lines(validate(requests(), with(R"({"status":)" + std::string(now) + "}"), &old));
}
std::string plain(std::string_view base64) {
  std::string out;
  EXPECT_TRUE(schema::base64_decode(base64, out));
  return out;
}
std::string conditions(std::string_view types) {
  std::string out = R"({"conditions":[)";
  for (size_t begin = 0; begin < types.size();) {
    const size_t end = std::min(types.find(',', begin), types.size());
    out += begin > 0 ? "," : "";
    out += R"({"type":")" + std::string(types.substr(begin, end - begin)) + R"(","status":"True"})";
    begin = end + 1;
  }
  return out + "]}";
}

TEST(CertificateSigningRequest, AsksForSomething) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"expirationSeconds":600})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"expirationSeconds":599})"),
              ElementsAre("spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 "
                          "seconds (10 minutes)"));
  EXPECT_THAT(of_new(R"({"usages":[]})"), ElementsAre("spec.usages: Required value"));
  EXPECT_THAT(of_new(R"({"usages":["signing","signing","magic"]})"),
              ElementsAre("spec.usages[1]: Duplicate value: \"signing\"",
                          StartsWith("spec.usages[2]: Unsupported value: \"magic\": supported values: \"any\", \"cert "
                                     "sign\", \"client auth\"")));
  EXPECT_THAT(of_new(R"({"request":"eA=="})"),
              ElementsAre("spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST"));
}

TEST(CertificateSigningRequest, NamesASigner) {
  const auto signer = [](std::string_view name) { return of_new(R"({"signerName":")" + std::string(name) + "\"}"); };
  EXPECT_THAT(signer("kubernetes.io/kubelet-serving"), IsEmpty());
  EXPECT_THAT(signer(""), ElementsAre("spec.signerName: Required value"));
  EXPECT_THAT(signer("kubernetes.io/legacy-unknown"),
              ElementsAre("spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is "
                          "not allowed via this API version"));
  for (const char* bad : {"a.b", "a.b/c/d"}) {
    EXPECT_THAT(signer(bad), ElementsAre(HasSubstr("must be a fully qualified domain and path of the form "
                                                   "'example.com/signer-name'")));
  }
  EXPECT_THAT(signer("a/b"), ElementsAre("spec.signerName: Invalid value: \"a\": should be a domain with at least two "
                                         "segments separated by dots"));
  EXPECT_THAT(signer("A.b/c"), ElementsAre(StartsWith("spec.signerName: Invalid value: \"A.b\": validating label "
                                                      "\"A\": a lowercase RFC 1123 label must")));
  EXPECT_THAT(signer("a.b/C.d"), ElementsAre(StartsWith("spec.signerName: Invalid value: \"C.d\": validating label "
                                                        "\"C\": a lowercase RFC 1123 subdomain must")));
  const std::string label = std::string(62, 'a') + ".", domain = label + label + label + label + "a";
  ASSERT_EQ(domain.size(), 253U);
  EXPECT_THAT(signer(domain + "/c"), IsEmpty());
  EXPECT_THAT(signer(domain + "b/c"), ElementsAre("spec.signerName: Too long: may not be more than 253 bytes"));
  const std::string path = domain + "." + std::string(63, 'a');
  ASSERT_EQ(domain.size() + 1 + path.size(), 571U);
  EXPECT_THAT(signer(domain + "/" + path), IsEmpty());
  EXPECT_THAT(signer(domain + "/" + path + "b"),
              ElementsAre("spec.signerName: Too long: may not be more than 571 bytes"));
}

TEST(CertificatePem, IsWhatItSays) {
  EXPECT_TRUE(check_request_pem(plain(kRequest)).ok());
  EXPECT_TRUE(check_request_pem("before\n" + plain(kRequest)).ok());
  EXPECT_THAT(check_request_pem(plain(kCertificate)).message(), HasSubstr("must be CERTIFICATE REQUEST"));
  // Another signature, in the same form.
  std::string forged = plain(kRequest);
  const size_t end = forged.rfind("\n-----END");
  const size_t digit = end - 12;
  forged[digit] = forged[digit] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(check_request_pem(forged).ok());
  const std::string one = plain(kCertificate);
  EXPECT_TRUE(check_certificate_pem(one).ok());
  EXPECT_TRUE(check_certificate_pem(one + one).ok());
  EXPECT_EQ(check_certificate_pem("nothing").message(), "must contain at least one CERTIFICATE PEM block");
  EXPECT_EQ(check_certificate_pem(one + plain(kRequest)).message(),
            "only CERTIFICATE PEM blocks are allowed, found \"CERTIFICATE REQUEST\"");
  std::string noted = one;
  noted.insert(noted.find('\n') + 1, "Proc-Type: 4,CLEAR\nkey: value\n\n");
  EXPECT_EQ(check_certificate_pem(noted).message(), "no PEM block headers are permitted");
  EXPECT_THAT(check_certificate_pem("-----BEGIN CERTIFICATE-----\neHg=\n-----END CERTIFICATE-----\n").message(),
              HasSubstr("cannot be read"));
}

TEST(CertificateSigningRequest, IsDecidedOnce) {
  EXPECT_THAT(change(conditions("Approved")), IsEmpty());
  EXPECT_THAT(change(conditions("Approved,Denied")),
              ElementsAre("status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied conditions are "
                          "mutually exclusive"));
  EXPECT_THAT(
      change(
          R"({"conditions":[{"type":"Approved","status":"False"},{"type":"Other"},{"type":"Odd","status":"Maybe"}]})"),
      ElementsAre("status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"",
                  "status.conditions[1].status: Required value",
                  "status.conditions[2].status: Unsupported value: \"Maybe\": supported values: \"False\", "
                  "\"True\", \"Unknown\""));
  EXPECT_THAT(change(conditions("Other,Other")), ElementsAre("status.conditions[1].type: Duplicate value: \"Other\""));
  EXPECT_THAT(change(R"({"conditions":[{"status":"True"}]})"),
              ElementsAre("status.conditions[0].type: Required value"));
  for (const char* type : {"Approved", "Denied", "Failed"}) {
    EXPECT_THAT(change("{}", conditions(type)),
                ElementsAre("status.conditions: Forbidden: updates may not remove a condition of type \"" +
                            std::string(type) + "\""));
  }
  EXPECT_THAT(change("{}", conditions("Other")), IsEmpty());
}

TEST(CertificateSigningRequest, GetsACertificateOnce) {
  const std::string signed_once = R"({"certificate":")" + std::string(kCertificate) + "\"}";
  EXPECT_THAT(change(signed_once), IsEmpty());
  EXPECT_THAT(change(R"({"certificate":"eA=="})"),
              ElementsAre("status.certificate: Invalid value: \"<certificate data>\": must contain at least one "
                          "CERTIFICATE PEM block"));
  EXPECT_THAT(change("{}", signed_once),
              ElementsAre("status.certificate: Forbidden: updates may not modify existing certificate content"));
}

TEST(CertificateSigningRequest, WhoSignsDoesNotApprove) {
  const Json old = with(R"({"status":{"conditions":[{"type":"Denied","status":"True","reason":"Mine"}]}})");
  const auto signed_as = [&](const std::string& types) {
    Json next = with(R"({"status":)" + conditions(types) + "}");
    requests().behavior->update_status(next.as_object(), old.as_object());
    return next;
  };
  const Json denied = signed_as("Failed,Denied");
  EXPECT_EQ(denied.at("status").at("conditions").at(1), old.at("status").at("conditions").at(0));
  EXPECT_THAT(lines(validate(requests(), denied, &old, true)), IsEmpty());
  EXPECT_THAT(lines(validate(requests(), signed_as("Failed"), &old, true)),
              ElementsAre("status.conditions: Forbidden: updates may not remove a condition of type \"Denied\""));
  const Json undecided = with("{}");
  const Json approved = with(R"({"status":)" + conditions("Approved") + "}");
  EXPECT_THAT(lines(validate(requests(), approved, &undecided, true)),
              ElementsAre("status.conditions: Forbidden: updates may not add a condition of type \"Approved\""));
  EXPECT_THAT(lines(validate(requests(), approved, &undecided)), IsEmpty());
  Json other = with(R"({"spec":{"signerName":"a.b/c"}})");
  requests().behavior->update(other.as_object(), old.as_object());
  EXPECT_EQ(other.at("spec"), old.at("spec"));
}

TEST(CertificateSigningRequest, ConditionsHaveTheTimeOfTheWrite) {
  const auto stamped = [](const std::string& condition, const std::string& before) {
    const Json old = with(R"({"status":{"conditions":[)" + before + "]}}");
    Json next = with(R"({"status":{"conditions":[)" + condition + "]}}");
    requests().behavior->stamp(next.as_object(), old.as_object(), int64_t{1'700'000'000} * 1'000'000'000);
    const auto& made = next.at("status").at("conditions").at(0);
    return std::string(made.at("lastUpdateTime").as_string()) + " " +
           std::string(made.at("lastTransitionTime").as_string());
  };
  const std::string now = "2023-11-14T22:13:20Z", then = "2020-01-01T00:00:00Z";
  const std::string failed = R"({"type":"Failed","status":"True"})";
  const std::string failed_then = R"({"type":"Failed","status":"True","lastTransitionTime":")" + then + "\"}";
  EXPECT_EQ(stamped(failed, ""), now + " " + now);
  EXPECT_EQ(stamped(failed, failed_then), now + " " + then);
  EXPECT_EQ(stamped(R"({"type":"Failed","status":"False"})", failed_then), now + " " + now);
  EXPECT_EQ(stamped(R"({"type":"A","status":"True","lastUpdateTime":")" + then + "\"}", failed_then), then + " " + now);
}

TEST(CertificateSigningRequest, ATableSaysWhatWasDecided) {
  const auto cells = [](std::string_view patch) {
    return table_row_json(requests(), with(patch), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(
      cells(R"({"spec":{"username":"me"}})"),
      R"({"cells":["any:name","\u003cunknown\u003e","example.com/mine","me","\u003cnone\u003e","Pending"],"object":null})");
  EXPECT_THAT(cells(R"({"spec":{"expirationSeconds":86400},"status":)" + conditions("Approved,Failed") + "}"),
              HasSubstr(R"("24h","Approved,Failed"])"));
  EXPECT_THAT(cells(R"({"status":)" + conditions("Denied") + "}"), HasSubstr(R"("Denied"])"));
  EXPECT_THAT(cells(R"({"status":{"certificate":"eA=="}})"), HasSubstr(R"("Pending,Issued"])"));
}

}  // namespace
}  // namespace gantry::kinds::certificates_certificate_signing_request_test
