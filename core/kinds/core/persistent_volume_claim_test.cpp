// PersistentVolumeClaims: defaults, what they may ask for, what of it may change, and the table.
#include <boost/json/serialize.hpp>

#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_persistent_volume_claim_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kClaim = R"({"metadata":{"name":"data","namespace":"default"},"spec":{
    "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})";

const Kind& claims() { return kind("", "PersistentVolumeClaim"); }
Json claim(std::string_view patch) { return made(claims(), kClaim, patch); }
Json with_spec(std::string_view spec) { return claim(R"({"spec":)" + std::string(spec) + "}"); }
Problems of_new(std::string_view spec) { return lines(validate(claims(), with_spec(spec))); }
Problems on_update(std::string_view next, std::string_view old) {
  const Json before = claim(old);
  return lines(validate(claims(), claim(next), &before));
}
constexpr std::string_view kFrozen =
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims";

TEST(PersistentVolumeClaim, HasUpstreamsDefaults) {
  EXPECT_EQ(schema::encode_json(*claims().message, claim("{}")),
            R"({"metadata":{"name":"data","namespace":"default"},)"
            R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},)"
            R"("volumeMode":"Filesystem"},"status":{"phase":"Pending"}})");
}

TEST(PersistentVolumeClaim, AsksForStorage) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"accessModes":null})"),
              ElementsAre("spec.accessModes: Required value: at least 1 access mode is required"));
  EXPECT_THAT(of_new(R"({"accessModes":["Any"]})"),
              ElementsAre("spec.accessModes: Unsupported value: \"Any\": supported values: \"ReadOnlyMany\", "
                          "\"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\""));
  EXPECT_THAT(of_new(R"({"accessModes":["ReadWriteOncePod","ReadOnlyMany"]})"),
              ElementsAre("spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"));
  EXPECT_THAT(of_new(R"({"resources":null})"), ElementsAre("spec.resources[storage]: Required value"));
  for (const char* size : {"0", "-1Gi"}) {
    EXPECT_THAT(of_new(R"({"resources":{"requests":{"storage":")" + std::string(size) + "\"}}}"),
                ElementsAre("spec.resources[storage]: Invalid value: \"" + std::string(size) +
                            "\": must be greater than zero"));
  }
  EXPECT_THAT(of_new(R"({"storageClassName":""})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"storageClassName":"a_b"})"), ElementsAre(HasSubstr("spec.storageClassName: Invalid value")));
  EXPECT_THAT(of_new(R"({"volumeAttributesClassName":"A"})"),
              ElementsAre(HasSubstr("spec.volumeAttributesClassName: Invalid value: \"A\"")));
  EXPECT_THAT(of_new(R"({"volumeMode":"Raw"})"),
              ElementsAre("spec.volumeMode: Unsupported value: \"Raw\": supported values: \"Block\", \"Filesystem\""));
  EXPECT_THAT(of_new(R"({"selector":{"matchLabels":{"a":"b c"}}})"),
              ElementsAre(HasSubstr("spec.selector.matchLabels")));
}

TEST(PersistentVolumeClaim, ASourceIsAClaimOrOfAGroup) {
  EXPECT_THAT(of_new(R"({"dataSource":{"kind":"PersistentVolumeClaim","name":"a"}})"), IsEmpty());
  EXPECT_THAT(
      of_new(R"({"dataSource":{"kind":"Pod","name":"a"}})"),
      ElementsAre("spec.dataSource: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the "
                  "default apiGroup"));
  EXPECT_THAT(of_new(R"({"dataSourceRef":{"apiGroup":"a.b","kind":"X"}})"),
              ElementsAre("spec.dataSourceRef.name: Required value"));
  EXPECT_THAT(of_new(R"({"dataSourceRef":{"apiGroup":"a_b","kind":"X","name":"n"}})"),
              ElementsAre(HasSubstr("spec.dataSourceRef.apiGroup: Invalid value: \"a_b\"")));
  constexpr std::string_view kBoth = R"({"dataSource":{"kind":"PersistentVolumeClaim","name":"a"},
      "dataSourceRef":{"kind":"PersistentVolumeClaim","name":"a")";
  EXPECT_THAT(of_new(std::string(kBoth) + "}}"), IsEmpty());
  EXPECT_THAT(of_new(std::string(kBoth) + R"(,"namespace":"other"}})"),
              ElementsAre("spec: Invalid value: \"spec.dataSource\": may not be specified when dataSourceRef.namespace "
                          "is specified"));
  EXPECT_THAT(of_new(R"({"dataSource":{"kind":"PersistentVolumeClaim","name":"a"},
                         "dataSourceRef":{"kind":"PersistentVolumeClaim","name":"b"}})"),
              ElementsAre("spec: Invalid value: \"spec.dataSource\": must match dataSourceRef"));
}

TEST(PersistentVolumeClaim, BothSourcesSayTheSame) {
  const auto created = [](std::string_view spec) {
    Json object = with_spec(spec);
    claims().behavior->create(object.as_object());
    const auto& made_spec = object.at("spec").as_object();
    const auto part = [&](const char* key) {
      const Json* found = made_spec.if_contains(key);
      return found != nullptr ? boost::json::serialize(*found) : std::string("-");
    };
    return part("dataSource") + " " + part("dataSourceRef");
  };
  EXPECT_EQ(created("{}"), "- -");
  EXPECT_EQ(created(R"({"dataSource":{"kind":"PersistentVolumeClaim","name":"a"}})"),
            R"({"kind":"PersistentVolumeClaim","name":"a"} {"kind":"PersistentVolumeClaim","name":"a"})");
  EXPECT_EQ(created(R"({"dataSourceRef":{"apiGroup":"a.b","kind":"X","name":"a"}})"),
            R"({"kind":"X","name":"a","apiGroup":"a.b"} {"apiGroup":"a.b","kind":"X","name":"a"})");
  EXPECT_EQ(created(R"({"dataSource":{"apiGroup":"a.b","kind":"X","name":"a"}})"), "- -")
      << "nothing that was ever taken";
  EXPECT_EQ(created(R"({"dataSourceRef":{"kind":"PersistentVolumeClaim","name":"a","namespace":"b"}})"), "- -");
}

TEST(PersistentVolumeClaim, StaysAsItWasMade) {
  EXPECT_THAT(on_update("{}", "{}"), IsEmpty());
  EXPECT_THAT(on_update(R"({"spec":{"volumeName":"v"}})", "{}"), IsEmpty()) << "once";
  EXPECT_THAT(on_update(R"({"spec":{"volumeName":"w"}})", R"({"spec":{"volumeName":"v"}})"),
              ElementsAre(StartsWith(kFrozen)));
  EXPECT_THAT(on_update(R"({"spec":{"accessModes":["ReadWriteMany"]}})", "{}"), ElementsAre(StartsWith(kFrozen)));
  EXPECT_THAT(on_update(R"({"spec":{"storageClassName":"b","accessModes":["ReadWriteMany"]}})",
                        R"({"spec":{"storageClassName":"a","selector":{"matchLabels":{"x":"y"}}}})"),
              ElementsAre(std::string(kFrozen) + R"(
@@ -1,12 +1,8 @@
 {
   "AccessModes": [
-    "ReadWriteOnce"
+    "ReadWriteMany"
   ],
-  "Selector": {
-    "matchLabels": {
-      "x": "y"
-    }
-  },
+  "Selector": null,
   "Resources": {
     "Limits": null,
     "Requests": {
@@ -14,7 +10,7 @@
     }
   },
   "VolumeName": "",
-  "StorageClassName": "a",
+  "StorageClassName": "b",
   "VolumeMode": "Filesystem",
   "DataSource": null,
   "DataSourceRef": null,
)"));
  EXPECT_THAT(on_update(R"({"spec":{"storageClassName":"a"}})", "{}"), IsEmpty()) << "a class, when there was none";
  EXPECT_THAT(on_update(R"({"spec":{"storageClassName":"b"}})", R"({"spec":{"storageClassName":"a"}})"),
              ElementsAre(StartsWith(kFrozen)));
  EXPECT_THAT(on_update(R"({"spec":{"volumeMode":"Block"}})", "{}"),
              ElementsAre(StartsWith(kFrozen), "volumeMode: Invalid value: \"Block\": field is immutable"));
}

TEST(PersistentVolumeClaim, GrowsOnceItIsBound) {
  const auto sized = [](std::string_view size, std::string_view phase, std::string_view capacity = "1Gi") {
    return R"({"spec":{"resources":{"requests":{"storage":")" + std::string(size) + R"("}}},"status":{"phase":")" +
           std::string(phase) + R"(","capacity":{"storage":")" + std::string(capacity) + "\"}}}";
  };
  EXPECT_THAT(on_update(sized("2Gi", "Pending"), sized("1Gi", "Pending")), ElementsAre(StartsWith(kFrozen)));
  EXPECT_THAT(on_update(sized("2Gi", "Bound"), sized("1Gi", "Bound")), IsEmpty());
  EXPECT_THAT(on_update(sized("2Gi", "Bound"), sized("3Gi", "Bound")), IsEmpty()) << "back from a size that failed";
  EXPECT_THAT(on_update(sized("1Gi", "Bound"), sized("3Gi", "Bound")),
              ElementsAre("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"));
  const auto classed = [](std::string_view name) {
    return R"({"spec":{"volumeAttributesClassName":)" + std::string(name) + R"(},"status":{"phase":"Bound"}})";
  };
  EXPECT_THAT(on_update(classed("\"b\""), classed("\"a\"")), IsEmpty());
  EXPECT_THAT(on_update(classed("\"a\""), classed("null")), IsEmpty());
  EXPECT_THAT(on_update(classed("null"), classed("\"a\"")),
              ElementsAre(StartsWith(kFrozen),
                          "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is "
                          "forbidden"));
  EXPECT_THAT(on_update(classed("\"\""), classed("\"a\"")),
              ElementsAre("spec.volumeAttributesClassName: Forbidden: update from non-nil value to an empty string is "
                          "forbidden"));
}

TEST(PersistentVolumeClaim, TheClassByItsOlderNameStays) {
  const auto noted = [](std::string_view note, std::string_view name) {
    return R"({"metadata":{"annotations":{"volume.beta.kubernetes.io/storage-class":)" + std::string(note) +
           R"(}},"spec":{"storageClassName":)" + std::string(name) + "}}";
  };
  EXPECT_THAT(
      on_update(noted("\"b\"", "null"), noted("\"a\"", "null")),
      ElementsAre("metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: \"b\": field is "
                  "immutable"));
  EXPECT_THAT(on_update(noted("null", "\"a\""), noted("\"a\"", "null")), IsEmpty()) << "moved to the field";
  EXPECT_THAT(on_update(noted("\"a\"", "\"b\""), noted("\"a\"", "null")), ElementsAre(StartsWith(kFrozen)));
}

TEST(PersistentVolumeClaim, AStatusHasAmountsThatMayBe) {
  const auto with = [](std::string_view status) {
    return on_update(R"({"status":)" + std::string(status) + "}", "{}");
  };
  EXPECT_THAT(with(R"({"capacity":{"storage":"1Gi"},"allocatedResources":{"storage":"2Gi"},
                       "allocatedResourceStatuses":{"storage":"NodeResizePending"}})"),
              IsEmpty());
  EXPECT_THAT(with(R"({"capacity":{"storage":"-1"}})"),
              ElementsAre("status.capacity[storage]: Invalid value: -1: must be a valid resource quantity"));
  EXPECT_THAT(with(R"({"allocatedResources":{"cpu":"1"}})"),
              ElementsAre("status.allocatedResources: Unsupported value: \"cpu\": supported values: \"storage\""));
  EXPECT_THAT(with(R"({"allocatedResourceStatuses":{"storage":"Soon"}})"),
              ElementsAre(HasSubstr("status.allocatedResourceStatus: Unsupported value: \"storage\": supported values: "
                                    "\"ControllerResizeInProgress\", \"ControllerResizeInfeasible\"")));
}

TEST(PersistentVolumeClaim, ATableShowsWhatItIsBoundTo) {
  const auto cells = [](std::string_view patch) {
    return table_row_json(claims(), claim(patch), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(cells("{}"), R"({"cells":["data","Pending","","","","","\u003cunset\u003e","\u003cunknown\u003e",)"
                         R"("Filesystem"],"object":null})");
  EXPECT_EQ(cells(R"({"spec":{"volumeName":"v","storageClassName":"fast","volumeAttributesClassName":"gold"},
                     "status":{"phase":"Bound","accessModes":["ReadWriteOncePod","ReadWriteMany","ReadWriteOnce"],
                     "capacity":{"storage":"2Gi"}}})"),
            R"({"cells":["data","Bound","v","2Gi","RWO,RWX,RWOP","fast","gold","\u003cunknown\u003e","Filesystem"],)"
            R"("object":null})");
  EXPECT_THAT(cells(R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z",
                        "annotations":{"volume.beta.kubernetes.io/storage-class":"old"}},"spec":{"volumeName":"v"}})"),
              HasSubstr(R"("Terminating","v","0","","old")"));
}

}  // namespace
}  // namespace gantry::kinds::core_persistent_volume_claim_test
