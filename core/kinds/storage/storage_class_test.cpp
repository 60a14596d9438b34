// StorageClasses and VolumeAttributesClasses: defaults, rules and tables.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::storage_storage_class_test {
namespace {

const Kind& classes() { return kind("storage.k8s.io", "StorageClass"); }
const Kind& attributes() { return kind("storage.k8s.io", "VolumeAttributesClass"); }

constexpr std::string_view kClass = R"({"metadata":{"name":"c"},"provisioner":"acme.io/x","parameters":{"a":"b"}})";
constexpr std::string_view kAttributes =
    R"({"metadata":{"name":"v"},"driverName":"csi.acme.io","parameters":{"a":"b"}})";

std::string parameters(size_t count, const std::string& value) {
  std::string out;
  for (size_t i = 0; i < count; ++i) (out += i > 0 ? "," : "") += "\"k" + std::to_string(i) + "\":\"" + value + "\"";
  return R"({"parameters":{"a":null,)" + out + "}}";
}
std::string topologies(const std::string& terms) { return R"({"allowedTopologies":[)" + terms + "]}"; }
std::string term(const std::string& key, const std::string& values) {
  return R"({"matchLabelExpressions":[{"key":")" + key + R"(","values":[)" + values + "]}]}";
}

TEST(StorageClass, Defaults) {
  EXPECT_EQ(answered(classes(), kClass),
            R"({"metadata":{"name":"c"},"provisioner":"acme.io/x","parameters":{"a":"b"},"reclaimPolicy":"Delete",)"
            R"("volumeBindingMode":"Immediate"})");
}

TEST(StorageClass, Rules) {
  expect_problems(
      classes(), kClass,
      {{R"({"provisioner":""})", {"provisioner: Required value"}},
       {R"({"provisioner":"Acme.io/X"})", {}},
       {R"({"provisioner":"A b"})", {R"(provisioner: Invalid value: "a b": name part must consist...)"}},
       {R"({"reclaimPolicy":"Recycle"})",
        {R"(reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain")"}},
       {R"({"reclaimPolicy":"Retain","parameters":null,"mountOptions":["?"]})", {}},
       {R"({"volumeBindingMode":"Later"})",
        {R"(volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer")"}},
       {R"({"parameters":{"":"x"}})", {R"(parameters: Invalid value: "": field can not be empty.)"}},
       {parameters(512, ""), {}},
       {parameters(513, ""), {"parameters: Too long: may not be more than 512 bytes"}},
       {parameters(1, std::string(262142, 'v')), {}},
       {parameters(1, std::string(262143, 'v')), {"parameters: Too long: may not be more than 262144 bytes"}}});
}

TEST(StorageClass, Topologies) {
  const std::string at = "allowedTopologies[0].matchLabelExpressions";
  expect_problems(
      classes(), kClass,
      {{topologies(term("zone", R"("a","b")") + "," + term("zone", R"("a")")), {}},
       {topologies(term("zone", R"("a","b")") + "," + term("rack", R"("a","b")") + "," + term("zone", R"("b","a")")),
        {R"(allowedTopologies[2].matchLabelExpressions: Duplicate value: "")"}},
       {topologies("{}"), {at + R"(: Duplicate value: "")"}},
       {topologies(term("", "")),
        {at + "[0].values: Required value", at + R"([0].key: Invalid value: "": name part must be...)",
         at + R"([0].key: Invalid value: "": name part must consist...)"}},
       {topologies(term("zone", R"("a","a")")), {at + R"([0].values[1]: Duplicate value: "a")"}},
       {topologies(R"({"matchLabelExpressions":[{"key":"z","values":["a"]},{"key":"z","values":["b"]}]})"),
        {at + R"([1].key: Duplicate value: "z")"}}});
}

TEST(StorageClass, MostOfItIsFixed) {
  expect_update_problems(
      classes(), kClass,
      {{R"({"allowVolumeExpansion":true,"mountOptions":["ro"]})", {}},
       {R"({"parameters":{"a":"c"},"provisioner":"other","reclaimPolicy":"Retain","volumeBindingMode":"WaitForFirstConsumer"})",
        {R"(volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable)",
         "parameters: Forbidden: updates to parameters are forbidden.",
         "provisioner: Forbidden: updates to provisioner are forbidden.",
         "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."}}});
}

TEST(StorageClass, ATableSaysWhichIsTheDefault) {
  EXPECT_EQ(cells(classes(), kClass), R"(["c","acme.io/x","Delete","Immediate",false])");
  const std::string beta = R"({"metadata":{"annotations":{"storageclass.beta.kubernetes.io/is-default-class":"true"}},
                              "allowVolumeExpansion":true})";
  EXPECT_EQ(cells(classes(), kClass, beta), R"x(["c (default)","acme.io/x","Delete","Immediate",true])x");
  EXPECT_EQ(
      cells(classes(), kClass, R"({"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"yes"}}})"),
      R"(["c","acme.io/x","Delete","Immediate",false])");
}

TEST(VolumeAttributesClass, Rules) {
  EXPECT_EQ(answered(attributes(), kAttributes),
            R"({"metadata":{"name":"v"},"driverName":"csi.acme.io","parameters":{"a":"b"}})");
  expect_problems(attributes(), kAttributes,
                  {{R"({"driverName":null})", {"driverName: Required value"}},
                   {R"({"driverName":"A b"})", {R"(driverName: Invalid value: "a b": name part must consist...)"}},
                   {R"({"parameters":null})", {"parameters: Required value: must contain at least one key/value pair"}},
                   {parameters(513, ""), {"parameters: Too long: may not be more than 512 bytes"}}});
  expect_update_problems(attributes(), kAttributes,
                         {{R"({"driverName":"other","parameters":{"a":"c"}})",
                           {"driverName: Forbidden: updates to driverName are forbidden.",
                            "parameters: Forbidden: updates to parameters are forbidden."}},
                          {R"({"metadata":{"labels":{"a":"b"}}})", {}}});
  EXPECT_EQ(cells(attributes(), kAttributes), R"(["v","csi.acme.io"])");
}

}  // namespace
}  // namespace gantry::kinds::storage_storage_class_test
