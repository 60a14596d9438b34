// VolumeAttachments: rules and table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::storage_volume_attachment_test {
namespace {

const Kind& attachments() { return kind("storage.k8s.io", "VolumeAttachment"); }

constexpr std::string_view kGood = R"({"metadata":{"name":"a"},"spec":{"attacher":"csi.acme.io","nodeName":"n",
  "source":{"persistentVolumeName":"pv"}}})";

std::string spec(const std::string& fields) { return R"({"spec":{)" + fields + "}}"; }
std::string source(const std::string& fields) { return spec(R"("source":{)" + fields + "}"); }
std::string status(const std::string& fields) { return R"({"status":{)" + fields + "}}"; }

TEST(VolumeAttachment, IsKeptAsItIsWritten) {
  EXPECT_EQ(answered(attachments(), kGood),
            R"({"metadata":{"name":"a"},"spec":{"attacher":"csi.acme.io","source":{"persistentVolumeName":"pv"},)"
            R"("nodeName":"n"},"status":{"attached":false}})");
}

TEST(VolumeAttachment, Rules) {
  const std::string one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  expect_problems(attachments(), kGood,
                  {{spec(R"("attacher":"")"),
                    {"spec.attacher: Required value", R"(spec.attacher: Invalid value: "": a lowercase...)"}},
                   {spec(R"("attacher":"A_b")"), {R"(spec.attacher: Invalid value: "A_b": a lowercase...)"}},
                   {spec(R"("attacher":")" + std::string(64, 'a') + "\""),
                    {"spec.attacher: Too long: may not be more than 63 bytes"}},
                   {spec(R"("nodeName":"N")"), {R"(spec.nodeName: Invalid value: "N": a lowercase...)"}},
                   {source(R"("persistentVolumeName":null)"), {"spec.source: Required value: " + one}},
                   {source(R"("inlineVolumeSpec":{})"), {"spec.source: Forbidden: " + one}},
                   {source(R"("persistentVolumeName":"")"),
                    {"spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
                     R"(spec.source.persistentVolumeName: Invalid value: "": a lowercase...)"}},
                   {source(R"("persistentVolumeName":"P")"),
                    {R"(spec.source.persistentVolumeName: Invalid value: "P": a lower...)"}},
                   {status(R"("attachError":{"errorCode":-1})"), {}}});
}

TEST(VolumeAttachment, OnlyItsStatusChanges) {
  expect_update_problems(
      attachments(), kGood,
      {{spec(R"("nodeName":"m")"), {"spec: Invalid value: {..."}},
       {status(R"("attached":true,"attachmentMetadata":{"a":"b"},"detachError":{"message":"m","errorCode":0})"), {}},
       {status(R"("attachError":{"errorCode":-1},"detachError":{"message":")" + std::string(1025, 'm') + "\"}"),
        {"status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
         "status.detachError.message: Too long: may not be more than 262144 bytes"}},
       {status(R"("attachmentMetadata":{"a":")" + std::string(262144, 'm') + "\"}"),
        {"status.attachmentMetadata: Too long: may not be more than 262144 bytes"}}});
  EXPECT_FALSE(attachments().generation);
  EXPECT_EQ(cells(attachments(), kGood), R"(["a","csi.acme.io","pv","n",false])");
  EXPECT_EQ(cells(attachments(), kGood, status(R"("attached":true)")), R"(["a","csi.acme.io","pv","n",true])");
}

}  // namespace
}  // namespace gantry::kinds::storage_volume_attachment_test
