// PersistentVolumes: defaults, what they must say, what of it may change, and the table.
#include "core/kinds/kinds_testing.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_persistent_volume_test {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kVolume = R"({"metadata":{"name":"v"},"spec":{
    "accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"hostPath":{"path":"/data"}}})";

const Kind& volumes() { return kind("", "PersistentVolume"); }
Json volume(std::string_view patch) { return made(volumes(), kVolume, patch); }
Json with_spec(std::string_view spec) { return volume(R"({"spec":)" + std::string(spec) + "}"); }
Problems of_new(std::string_view spec) { return lines(validate(volumes(), with_spec(spec))); }
// Of one of this source alone.
Problems of_source(std::string_view source) { return of_new(R"({"hostPath":null,)" + std::string(source) + "}"); }
Problems on_update(std::string_view next, std::string_view old) {
  const Json before = with_spec(old);
  return lines(validate(volumes(), with_spec(next), &before));
}

TEST(PersistentVolume, HasUpstreamsDefaults) {
  Json made_now = volume(R"({"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"}})");
  volumes().behavior->create(made_now.as_object());
  EXPECT_EQ(schema::encode_json(*volumes().message, made_now),
            R"({"metadata":{"name":"v",)"
            R"("creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"capacity":{"storage":"1Gi"},)"
            R"("hostPath":{"path":"/data","type":""},"accessModes":["ReadWriteOnce"],)"
            R"("persistentVolumeReclaimPolicy":"Retain","volumeMode":"Filesystem"},)"
            R"("status":{"phase":"Pending","lastPhaseTransitionTime":"2026-01-01T00:00:00Z"}})");
}

TEST(PersistentVolume, HasASizeAndWaysToMountIt) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"accessModes":null})"), ElementsAre("spec.accessModes: Required value"));
  EXPECT_THAT(of_new(R"({"accessModes":["Any"]})"),
              ElementsAre(HasSubstr("spec.accessModes: Unsupported value: \"Any\"")));
  EXPECT_THAT(of_new(R"({"capacity":null})"),
              ElementsAre("spec.capacity: Required value",
                          "spec.capacity: Unsupported value: \"\": supported values: \"storage\""));
  EXPECT_THAT(of_new(R"({"capacity":{"cpu":"1"}})"),
              ElementsAre("spec.capacity: Unsupported value: \"cpu\": supported values: \"storage\""));
  EXPECT_THAT(of_new(R"({"capacity":{"storage":"0"}})"),
              ElementsAre("spec.capacity[storage]: Invalid value: \"0\": must be greater than zero"));
  EXPECT_THAT(of_new(R"({"persistentVolumeReclaimPolicy":"Keep"})"),
              ElementsAre("spec.persistentVolumeReclaimPolicy: Unsupported value: \"Keep\": supported values: "
                          "\"Delete\", \"Recycle\", \"Retain\""));
  EXPECT_THAT(of_new(R"({"volumeMode":"Raw"})"), ElementsAre(HasSubstr("spec.volumeMode: Unsupported value: \"Raw\"")));
  EXPECT_THAT(of_new(R"({"storageClassName":"a_b"})"), ElementsAre(HasSubstr("spec.storageClassName: Invalid value")));
  EXPECT_THAT(of_new(R"({"volumeAttributesClassName":""})"),
              ElementsAre("spec.volumeAttributesClassName: Required value: an empty string is disallowed",
                          "spec.csi: Required value: has to be specified when using volumeAttributesClassName"));
}

TEST(PersistentVolume, HasOneSource) {
  EXPECT_THAT(of_new(R"({"hostPath":null})"), ElementsAre("spec: Required value: must specify a volume type"));
  EXPECT_THAT(of_new(R"({"nfs":{"server":"s","path":"/p"}})"),
              ElementsAre("spec.nfs: Forbidden: may not specify more than 1 volume type"));
  EXPECT_THAT(of_new(R"({"hostPath":{"path":"/a/../b"}})"),
              ElementsAre("spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"));
  for (const char* root : {"/", "//", "/./"}) {
    EXPECT_THAT(
        of_new(R"({"persistentVolumeReclaimPolicy":"Recycle","hostPath":{"path":")" + std::string(root) + "\"}}"),
        ElementsAre("spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount "
                    "of '/'"));
  }
  EXPECT_THAT(of_new(R"({"persistentVolumeReclaimPolicy":"Recycle"})"), IsEmpty());
  EXPECT_THAT(of_source(R"("nfs":{"server":"s","path":"p"})"),
              ElementsAre("spec.nfs.path: Invalid value: \"p\": must be an absolute path"));
  EXPECT_THAT(of_source(R"("local":{"path":"/a"})"),
              ElementsAre("spec.nodeAffinity: Required value: Local volume requires node affinity"));
  EXPECT_THAT(of_source(R"("fc":{})"),
              ElementsAre("spec.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"));
  EXPECT_THAT(of_source(R"("fc":{"targetWWNs":["a"]})"),
              ElementsAre("spec.fc.lun: Required value: lun is required if targetWWNs is specified"));
  EXPECT_THAT(of_source(R"("fc":{"targetWWNs":["a"],"lun":256})"),
              ElementsAre("spec.fc.lun: Invalid value: 256: must be between 0 and 255, inclusive"));
  EXPECT_THAT(of_source(R"("iscsi":{"targetPortal":"p","iqn":"iqn.a","chapAuthSession":true})"),
              ElementsAre("spec.iscsi.secretRef: Required value"));
  EXPECT_THAT(
      of_source(R"("cinder":{"volumeID":"v","secretRef":{}})"),
      ElementsAre("spec.cinder.secretRef.name: Required value", "spec.cinder.secretRef.namespace: Required value"));
  EXPECT_THAT(of_source(R"("flexVolume":{"driver":"d","options":{"x.kubernetes.io/a":"b"}})"),
              ElementsAre("spec.flexVolume.options[x.kubernetes.io/a]: Invalid value: \"x.kubernetes.io/a\": "
                          "kubernetes.io and k8s.io namespaces are reserved"));
}

TEST(PersistentVolume, ACsiVolumeHasADriverAndAHandle) {
  EXPECT_THAT(of_source(R"("csi":{"driver":"D.x","volumeHandle":"h"})"), IsEmpty());
  EXPECT_THAT(of_source(R"("csi":{})"),
              ElementsAre("spec.csi.driver: Required value", "spec.csi.volumeHandle: Required value"));
  EXPECT_THAT(of_source(R"("csi":{"volumeHandle":"h","driver":"a_b"})"),
              ElementsAre(HasSubstr("spec.csi.driver: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain")));
  EXPECT_THAT(of_source(R"("csi":{"volumeHandle":"h","driver":")" + std::string(64, 'a') + "\"}"),
              ElementsAre("spec.csi.driver: Too long: may not be more than 63 bytes"));
  EXPECT_THAT(of_source(R"("csi":{"volumeHandle":"h","driver":"d","nodePublishSecretRef":{"name":"A"}})"),
              ElementsAre(HasSubstr("spec.csi.nodePublishSecretRef.name: Invalid value: \"A\""),
                          "spec.csi.nodePublishSecretRef.namespace: Required value"));
}

TEST(PersistentVolume, NodesAreChosenByTerms) {
  EXPECT_THAT(of_new(R"({"nodeAffinity":{}})"),
              ElementsAre("spec.nodeAffinity.required: Required value: must specify required node constraints"));
  EXPECT_THAT(of_new(R"({"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[
                         {"key":"a","operator":"In"}]}]}}})"),
              ElementsAre("spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values: Required value: "
                          "must be specified when `operator` is 'In' or 'NotIn'"));
}

TEST(PersistentVolume, ItsStorageStays) {
  EXPECT_THAT(on_update(R"({"claimRef":{"name":"c"},"persistentVolumeReclaimPolicy":"Delete"})", "{}"), IsEmpty());
  EXPECT_THAT(
      on_update(R"({"hostPath":{"path":"/b"}})", "{}"),
      ElementsAre(R"(spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
@@ -2,7 +2,7 @@
   "GCEPersistentDisk": null,
   "AWSElasticBlockStore": null,
   "HostPath": {
-    "Path": "/data",
+    "Path": "/b",
     "Type": ""
   },
   "Glusterfs": null,
)"));
  EXPECT_THAT(on_update(R"({"volumeMode":"Block"})", "{}"),
              ElementsAre("volumeMode: Invalid value: \"Block\": field is immutable"));
  const auto csi = [](std::string_view more) {
    return R"({"hostPath":null,"csi":{"driver":"d","volumeHandle":"h")" + std::string(more) + "}}";
  };
  EXPECT_THAT(on_update(R"({"hostPath":null,"csi":{"driver":"e","volumeHandle":"h","readOnly":true,
                            "nodeStageSecretRef":{"name":"s","namespace":"d"}}})",
                        csi("")),
              ElementsAre(EndsWith(R"(
@@ -21,13 +21,16 @@
   "Local": null,
   "StorageOS": null,
   "CSI": {
-    "Driver": "d",
+    "Driver": "e",
     "VolumeHandle": "h",
-    "ReadOnly": false,
+    "ReadOnly": true,
     "FSType": "",
     "VolumeAttributes": null,
     "ControllerPublishSecretRef": null,
-    "NodeStageSecretRef": null,
+    "NodeStageSecretRef": {
+      "Name": "s",
+      "Namespace": "d"
+    },
     "NodePublishSecretRef": null,
     "ControllerExpandSecretRef": null,
     "NodeExpandSecretRef": null
)")));
  const std::string secret = R"(,"controllerExpandSecretRef":{"name":"a","namespace":"b"})";
  EXPECT_THAT(on_update(csi(secret), csi("")), IsEmpty()) << "may come later";
  EXPECT_THAT(on_update(csi(""), csi(secret)), ElementsAre(HasSubstr("is immutable after creation")));
  const std::string classed =
      R"({"hostPath":null,"csi":{"driver":"d","volumeHandle":"h"},"volumeAttributesClassName":"a"})";
  EXPECT_THAT(on_update(csi(""), classed),
              ElementsAre("spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"));
}

TEST(PersistentVolume, ItsNodesStayButForTheNamesOfLabels) {
  const auto nodes = [](std::string_view key, std::string_view value = "z") {
    return R"({"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":")" + std::string(key) +
           R"(","operator":"In","values":[")" + std::string(value) + R"("]}]}]}}})";
  };
  constexpr std::string_view kOld = "failure-domain.beta.kubernetes.io/zone", kNew = "topology.kubernetes.io/zone";
  EXPECT_THAT(on_update(nodes("a"), "{}"), IsEmpty()) << "where there was none";
  EXPECT_THAT(on_update(nodes(kNew), nodes(kOld)), IsEmpty());
  EXPECT_THAT(on_update(nodes(kOld), nodes(kNew)),
              ElementsAre(HasSubstr("field is immutable, except for updating from beta label to GA")));
  EXPECT_THAT(on_update(nodes(kNew, "y"), nodes(kOld)), ElementsAre(::testing::StartsWith("nodeAffinity: Invalid")));
  EXPECT_THAT(on_update("{}", nodes("a")), ElementsAre(HasSubstr("nodeAffinity: Invalid value: null")));
}

TEST(PersistentVolume, OneWithinAnotherObjectSaysLess) {
  const auto inside = [](std::string_view spec) {
    Errors errors;
    At root;
    const Json parsed_spec = parsed(spec);
    check_persistent_volume_spec(parsed_spec.as_object(), true, root.child("inlineVolumeSpec"), errors);
    return lines(errors.take());
  };
  EXPECT_THAT(inside(R"({"accessModes":["ReadWriteOnce"],"csi":{"driver":"d","volumeHandle":"h"}})"), IsEmpty());
  EXPECT_THAT(
      inside(R"({"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/a"},"capacity":{"storage":"1"},
                         "volumeMode":"Block","persistentVolumeReclaimPolicy":"Delete"})"),
      ElementsAre("inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
                  "inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
                  "inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context "
                  "of inline volumes",
                  "inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in "
                  "the context of inline volumes"));
}

TEST(PersistentVolume, ATableShowsWhoseItIs) {
  const auto cells = [](std::string_view patch) {
    return table_row_json(volumes(), volume(patch), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(cells("{}"), R"({"cells":["v","1Gi","RWO","Retain","Pending","","","\u003cunset\u003e","",)"
                         R"("\u003cunknown\u003e","Filesystem"],"object":null})");
  EXPECT_EQ(cells(R"({"spec":{"claimRef":{"namespace":"n","name":"c"},"storageClassName":"fast","volumeMode":"Block",
                     "accessModes":["ReadOnlyMany","ReadWriteOnce"]},"status":{"phase":"Failed","reason":"Gone"}})"),
            R"({"cells":["v","1Gi","RWO,ROX","Retain","Failed","n/c","fast","\u003cunset\u003e","Gone",)"
            R"("\u003cunknown\u003e","Block"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::core_persistent_volume_test
