// Tests of Table rows: what each printer shows for which object.
#include "core/schema/table/table.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>

#include "core/kinds/kinds.hpp"
#include "core/schema/table/table_cells.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

Json js(std::string_view text) { return boost::json::parse({text.data(), text.size()}); }

constexpr const char* kNow = "2026-01-01T12:00:00Z";
int64_t now() { return *parse_time(kNow); }

class Table : public ::testing::Test {
 protected:
  void SetUp() override {
    auto built = Schema::builtin(kinds::all());
    ASSERT_TRUE(built.ok()) << built.error().message();
    schema_ = *std::move(built);
  }
  const Kind& kind(const char* group, const char* name) { return *schema_->find_kind(group, "v1", name); }
  // The cell under a column's name.
  Json cell(const Kind& kind, const Json& document, std::string_view column) {
    Json row = js(table_row_json(kind, document, "{}", IncludeObject::kNone, now()));
    for (size_t i = 0; i < kind.columns.size(); ++i) {
      if (kind.columns[i].name == column) return row.at("cells").at(i);
    }
    return "no such column";
  }
  SchemaPtr schema_;
};

TEST_F(Table, EveryColumnHasASource) {
  for (const Kind* kind : schema_->kinds()) {
    for (const Column& column : kind->columns) {
      ASSERT_FALSE(column.source.empty()) << kind->kind << " " << column.name;
      if (column.source[0] != '@') continue;
      EXPECT_NE(column.cell, nullptr) << kind->kind << " " << column.name << ": " << column.source;
    }
  }
}

TEST_F(Table, RowsOfEmptyObjects) {
  for (const Kind* kind : schema_->kinds()) {
    Json row = js(table_row_json(*kind, js("{}"), "{}", IncludeObject::kMetadata, now()));
    EXPECT_EQ(row.at("cells").as_array().size(), kind->columns.size()) << kind->kind;
    Json columns = js("{" + table_columns_json(*kind) + "}");
    EXPECT_EQ(columns.at("columnDefinitions").as_array().size(), kind->columns.size());
  }
}

TEST_F(Table, PodStatus) {
  const struct {
    const char* name;
    const char* pod;
    const char* ready;
    const char* status;
    const char* restarts;
  } cases[] = {
      {"pending", R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Pending"}})", "0/1", "Pending", "0"},
      {"running",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":3,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-01-01T11:55:00Z"}}}]}})",
       "1/1", "Running", "3 (5m ago)"},
      {"restarted, time unknown",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,"restartCount":3,"state":{"running":{}}}]}})",
       "1/1", "Running", "3"},
      {"crash loop",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})",
       "0/1", "CrashLoopBackOff", "1"},
      {"error",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Failed","containerStatuses":[{"name":"a","state":{"terminated":{"reason":"Error","exitCode":1}}}]}})",
       "0/1", "Error", "0"},
      {"exit code",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Failed","containerStatuses":[{"name":"a","state":{"terminated":{"exitCode":7}}}]}})",
       "0/1", "ExitCode:7", "0"},
      {"signal",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Failed","containerStatuses":[{"name":"a","state":{"terminated":{"signal":9,"exitCode":137}}}]}})",
       "0/1", "Signal:9", "0"},
      {"completed",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Succeeded","containerStatuses":[{"name":"a","state":{"terminated":{"reason":"Completed","exitCode":0}}}]}})",
       "0/1", "Completed", "0"},
      {"one ended, one ready",
       R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"a","state":{"terminated":{"reason":"Completed","exitCode":0}}},{"name":"b","ready":true,"state":{"running":{}}}]}})",
       "1/2", "Running", "0"},
      {"one ended, not ready",
       R"({"spec":{"containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","state":{"terminated":{"reason":"Completed","exitCode":0}}},{"name":"b","ready":true,"state":{"running":{}}}]}})",
       "1/2", "NotReady", "0"},
      {"reason", R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Failed","reason":"Evicted"}})", "0/1",
       "Evicted", "0"},
      {"gated",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}})",
       "0/1", "SchedulingGated", "0"},
      {"creating",
       R"({"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Pending","containerStatuses":[{"name":"a","state":{"waiting":{"reason":"ContainerCreating"}}}]}})",
       "0/1", "ContainerCreating", "0"},
      {"init running",
       R"({"spec":{"initContainers":[{"name":"i"},{"name":"j"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":2,"state":{"terminated":{"exitCode":0}}},{"name":"j","state":{"running":{}}}],"containerStatuses":[{"name":"a","state":{"waiting":{"reason":"PodInitializing"}}}]}})",
       "0/1", "Init:1/2", "2"},
      {"init waits",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"waiting":{"reason":"PodInitializing"}}}]}})",
       "0/1", "Init:0/1", "0"},
      {"init error",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"reason":"Error","exitCode":1}}}]}})",
       "0/1", "Init:Error", "0"},
      {"init exit",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":2}}}]}})",
       "0/1", "Init:ExitCode:2", "0"},
      {"init signal",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":2,"signal":15}}}]}})",
       "0/1", "Init:Signal:15", "0"},
      {"init loop",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"finishedAt":"2026-01-01T11:59:30Z"}}}]}})",
       "0/1", "Init:CrashLoopBackOff", "4 (30s ago)"},
      {"init done",
       R"({"spec":{"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]},"status":{"phase":"Running","initContainerStatuses":[{"name":"i","restartCount":4,"state":{"terminated":{"exitCode":0}}}],"containerStatuses":[{"name":"a","ready":true,"state":{"running":{}}}]}})",
       "1/1", "Running", "0"},
      {"sidecar",
       R"({"spec":{"initContainers":[{"name":"s","restartPolicy":"Always"}],"containers":[{"name":"a"}]},"status":{"phase":"Running","initContainerStatuses":[{"name":"s","restartCount":1,"started":true,"ready":true,"state":{"running":{}}}],"containerStatuses":[{"name":"a","ready":true,"restartCount":1,"state":{"running":{}}}]}})",
       "2/2", "Running", "2"},
      {"sidecar starting",
       R"({"spec":{"initContainers":[{"name":"s","restartPolicy":"Always"}],"containers":[{"name":"a"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"s","started":false,"state":{"running":{}}}]}})",
       "0/2", "Init:0/1", "0"},
      {"terminating",
       R"({"metadata":{"deletionTimestamp":"2026-01-01T11:59:30Z"},"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running"}})",
       "0/1", "Terminating", "0"},
      {"ended, being deleted",
       R"({"metadata":{"deletionTimestamp":"2026-01-01T11:59:30Z"},"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Succeeded"}})",
       "0/1", "Succeeded", "0"},
      {"node lost",
       R"({"metadata":{"deletionTimestamp":"2026-01-01T11:59:30Z"},"spec":{"containers":[{"name":"a"}]},"status":{"phase":"Running","reason":"NodeLost"}})",
       "0/1", "Unknown", "0"},
  };
  const Kind& pods = kind("", "Pod");
  for (const auto& c : cases) {
    Json pod = js(c.pod);
    EXPECT_EQ(cell(pods, pod, "Ready"), Json(c.ready)) << c.name;
    EXPECT_EQ(cell(pods, pod, "Status"), Json(c.status)) << c.name;
    EXPECT_EQ(cell(pods, pod, "Restarts"), Json(c.restarts)) << c.name;
  }
}

TEST_F(Table, PodWide) {
  const Kind& pods = kind("", "Pod");
  Json bare = js("{}");
  for (const char* column : {"IP", "Node", "Nominated Node", "Readiness Gates"}) {
    EXPECT_EQ(cell(pods, bare, column), Json("<none>")) << column;
  }
  EXPECT_EQ(cell(pods, bare, "Age"), Json("<unknown>"));
  Json pod = js(R"({"metadata":{"name":"p","creationTimestamp":"2025-12-29T08:00:00Z"},"spec":{
    "nodeName":"w","readinessGates":[{"conditionType":"x"},{"conditionType":"y"}]},"status":{
    "podIP":"1.2.3.4","podIPs":[{"ip":"1.2.3.4"}],"nominatedNodeName":"v",
    "conditions":[{"type":"x","status":"True"},{"type":"y","status":"False"}]}})");
  EXPECT_EQ(cell(pods, pod, "Name"), Json("p"));
  EXPECT_EQ(cell(pods, pod, "IP"), Json("1.2.3.4"));
  EXPECT_EQ(cell(pods, pod, "Node"), Json("w"));
  EXPECT_EQ(cell(pods, pod, "Nominated Node"), Json("v"));
  EXPECT_EQ(cell(pods, pod, "Readiness Gates"), Json("1/2"));
  EXPECT_EQ(cell(pods, pod, "Age"), Json("3d4h"));
}

TEST_F(Table, Nodes) {
  const Kind& nodes = kind("", "Node");
  Json node = js(R"({"metadata":{"name":"w","labels":{"node-role.kubernetes.io/worker":"",
    "node-role.kubernetes.io/control-plane":"","kubernetes.io/role":"edge"}},"spec":{"unschedulable":true},
    "status":{"conditions":[{"type":"Ready","status":"True"}],"addresses":[{"type":"Hostname","address":"w"},
    {"type":"InternalIP","address":"10.0.0.1"}],"nodeInfo":{"kubeletVersion":"v1.36.0","osImage":"Debian"}}})");
  EXPECT_EQ(cell(nodes, node, "Status"), Json("Ready,SchedulingDisabled"));
  EXPECT_EQ(cell(nodes, node, "Roles"), Json("control-plane,edge,worker"));
  EXPECT_EQ(cell(nodes, node, "Version"), Json("v1.36.0"));
  EXPECT_EQ(cell(nodes, node, "Internal-IP"), Json("10.0.0.1"));
  EXPECT_EQ(cell(nodes, node, "External-IP"), Json("<none>"));
  EXPECT_EQ(cell(nodes, node, "OS-Image"), Json("Debian"));
  EXPECT_EQ(cell(nodes, node, "Kernel-Version"), Json("<unknown>"));
  EXPECT_EQ(cell(nodes, js("{}"), "Status"), Json("Unknown"));
  EXPECT_EQ(cell(nodes, js("{}"), "Roles"), Json("<none>"));
  EXPECT_EQ(cell(nodes, js(R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})"), "Status"),
            Json("NotReady"));
}

TEST_F(Table, Workloads) {
  const Kind& deployments = kind("apps", "Deployment");
  Json deployment = js(R"({"metadata":{"name":"d"},"spec":{"replicas":3,"selector":{"matchLabels":{"b":"2","a":"1"},
    "matchExpressions":[{"key":"c","operator":"In","values":["y","x"]},{"key":"d","operator":"DoesNotExist"}]},
    "template":{"spec":{"containers":[{"name":"x","image":"i:1"},{"name":"y","image":"j:2"}]}}},
    "status":{"readyReplicas":2,"updatedReplicas":3}})");
  EXPECT_EQ(cell(deployments, deployment, "Ready"), Json("2/3"));
  EXPECT_EQ(cell(deployments, deployment, "Up-to-date"), Json(3));
  EXPECT_EQ(cell(deployments, deployment, "Available"), Json(0));
  EXPECT_EQ(cell(deployments, deployment, "Containers"), Json("x,y"));
  EXPECT_EQ(cell(deployments, deployment, "Images"), Json("i:1,j:2"));
  EXPECT_EQ(cell(deployments, deployment, "Selector"), Json("a=1,b=2,c in (x,y),!d"));
  const Kind& sets = kind("apps", "ReplicaSet");
  EXPECT_EQ(cell(sets, deployment, "Desired"), Json(3));
  EXPECT_EQ(cell(sets, deployment, "Current"), Json(0));
  EXPECT_EQ(cell(sets, js("{}"), "Selector"), Json("<none>"));
}

TEST_F(Table, Data) {
  EXPECT_EQ(cell(kind("", "ConfigMap"), js(R"({"data":{"a":"","b":""},"binaryData":{"c":""}})"), "Data"), Json(3));
  EXPECT_EQ(cell(kind("", "Secret"), js(R"({"data":{"a":""},"type":"Opaque"})"), "Data"), Json(1));
  EXPECT_EQ(cell(kind("", "Secret"), js(R"({"type":"Opaque"})"), "Type"), Json("Opaque"));
  EXPECT_EQ(cell(kind("", "ServiceAccount"), js("{}"), "Secrets"), Json(0));
}

TEST_F(Table, Events) {
  const Kind& core = kind("", "Event");
  Json event = js(R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"p","fieldPath":"spec.x"},
    "reason":"Started","message":" hello \n","type":"Normal","source":{"component":"kubelet","host":"w"},
    "firstTimestamp":"2026-01-01T11:00:00Z","lastTimestamp":"2026-01-01T11:59:00Z","count":4})");
  EXPECT_EQ(cell(core, event, "Last Seen"), Json("60s"));
  EXPECT_EQ(cell(core, event, "First Seen"), Json("60m"));
  EXPECT_EQ(cell(core, event, "Object"), Json("pod/p"));
  EXPECT_EQ(cell(core, event, "Subobject"), Json("spec.x"));
  EXPECT_EQ(cell(core, event, "Source"), Json("kubelet, w"));
  EXPECT_EQ(cell(core, event, "Message"), Json("hello"));
  EXPECT_EQ(cell(core, event, "Count"), Json(4));
  Json modern = js(R"({"metadata":{"name":"e"},"regarding":{"kind":"Node","name":"w"},"note":"n",
    "reportingController":"c","eventTime":"2026-01-01T11:58:00.000000Z"})");
  const Kind& events = kind("events.k8s.io", "Event");
  EXPECT_EQ(cell(events, modern, "Last Seen"), Json("2m"));
  EXPECT_EQ(cell(events, modern, "Object"), Json("node/w"));
  EXPECT_EQ(cell(events, modern, "Source"), Json("c"));
  EXPECT_EQ(cell(events, modern, "Count"), Json(1));
  EXPECT_EQ(cell(core, js(R"({"series":{"count":9,"lastObservedTime":"2026-01-01T11:59:50.000000Z"}})"), "Count"),
            Json(9));
}

TEST_F(Table, RowObject) {
  const Kind& pods = kind("", "Pod");
  Json pod = js(R"({"kind":"Pod","metadata":{"name":"p","labels":{"a":"<"}},"status":{"phase":"Succeeded"}})");
  Json none = js(table_row_json(pods, pod, "{\"x\":1}", IncludeObject::kNone, now()));
  EXPECT_TRUE(none.at("object").is_null());
  EXPECT_EQ(none.at("conditions").at(0).at("reason"), Json("Succeeded"));
  Json full = js(table_row_json(pods, pod, "{\"x\":1}", IncludeObject::kObject, now()));
  EXPECT_EQ(full.at("object"), js("{\"x\":1}"));
  Json partial = js(table_row_json(pods, pod, "{\"x\":1}", IncludeObject::kMetadata, now()));
  EXPECT_EQ(partial.at("object"), partial_metadata(pod));
  EXPECT_EQ(partial.at("object").at("kind"), Json("PartialObjectMetadata"));
  EXPECT_EQ(partial.at("object").at("metadata"), pod.at("metadata"));
}

TEST_F(Table, OfEqualNamesTheFirstCounts) {
  const Kind& pod = kind("", "Pod");
  const Json gates =
      js(R"({"spec":{"readinessGates":[{"conditionType":"a"},{"conditionType":"b"},{"conditionType":"c"}]},
      "status":{"conditions":[{"type":"a","status":"True"},{"type":"b","status":"False"},{"type":"b","status":"True"}]}})");
  EXPECT_EQ(cell(pod, gates, "Readiness Gates"), Json("1/3"));
  const Json sidecars =
      js(R"({"spec":{"containers":[{"name":"m"}],"initContainers":[{"name":"s","restartPolicy":"Always"},{"name":"s"}]},
      "status":{"initContainerStatuses":[{"name":"s","started":true,"ready":true},{"name":"other","state":{"waiting":{"reason":"X"}}}]}})");
  EXPECT_EQ(cell(pod, sidecars, "Ready"), Json("1/2"));
  EXPECT_EQ(cell(pod, sidecars, "Status"), Json("Init:X"));
}

TEST_F(Table, IsFast) {
  const Kind& pods = kind("", "Pod");
  Json pod = js(R"({"metadata":{"name":"p","creationTimestamp":"2025-12-29T08:00:00Z"},"spec":{"nodeName":"w",
    "containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
    "containerStatuses":[{"name":"a","ready":true,"restartCount":3,"state":{"running":{}},"lastState":{"terminated":
    {"finishedAt":"2026-01-01T11:55:00Z"}}},{"name":"b","ready":true,"state":{"running":{}}}]}})");
  constexpr int kRows = 2000;
  auto start = std::chrono::steady_clock::now();
  size_t bytes = 0;
  for (int i = 0; i < kRows; ++i) {
    bytes += table_row_json(pods, pod, "{}", IncludeObject::kNone, now()).size();
  }
  auto each = (std::chrono::steady_clock::now() - start) / kRows;
  RecordProperty("ns_per_row", static_cast<int>(each.count()));
  EXPECT_GT(bytes, 0u);
  EXPECT_LT(each, std::chrono::milliseconds(1));  // generous: unoptimised and sanitized builds run this too
}

}  // namespace
}  // namespace gantry::schema
