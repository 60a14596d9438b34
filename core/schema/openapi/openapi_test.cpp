// Tests of the OpenAPI documents: names, extensions, references that lead somewhere, and the protobuf form.
#include "core/schema/openapi/openapi.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "core/kinds/kinds.hpp"
#include "core/schema/codec/wire.hpp"
#include "core/schema/openapi/openapi_build.hpp"
#include "core/schema/values/json_testing.hpp"

namespace gantry::schema {
namespace {

void collect_refs(const Json& value, std::set<std::string>& out) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, item] : *object) {
      if (key == "$ref" && item.is_string()) {
        out.emplace(item.get_string().data(), item.get_string().size());
      }
      collect_refs(item, out);
    }
  } else if (const auto* array = value.if_array()) {
    for (const Json& item : *array) collect_refs(item, out);
  }
}

class OpenApi : public ::testing::Test {
 protected:
  void SetUp() override {
    auto built = Schema::builtin(kinds::all());
    ASSERT_TRUE(built.ok()) << built.error().message();
    schema_ = *std::move(built);
  }
  SchemaPtr schema_;
};

TEST_F(OpenApi, V2) {
  Json document = js(openapi_v2_json(*schema_, "v1.36.0"));
  EXPECT_EQ(document.at("swagger"), Json("2.0"));
  EXPECT_EQ(document.at("info").at("version"), Json("v1.36.0"));
  const auto& definitions = document.at("definitions").as_object();
  std::set<std::string> refs;
  collect_refs(document, refs);
  EXPECT_GT(refs.size(), 50u);
  for (const std::string& ref : refs) {
    EXPECT_TRUE(ref.starts_with("#/definitions/")) << ref;
    EXPECT_TRUE(definitions.contains(ref.substr(14))) << ref;
  }
  const Json& pod = definitions.at("io.k8s.api.core.v1.Pod");
  EXPECT_EQ(pod.at("x-kubernetes-group-version-kind"), js(R"([{"group":"","kind":"Pod","version":"v1"}])"));
  EXPECT_EQ(pod.at("properties").at("kind").at("type"), Json("string"));
  EXPECT_EQ(pod.at("properties").at("metadata").at("$ref"),
            Json("#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"));
  const Json& containers = definitions.at("io.k8s.api.core.v1.PodSpec").at("properties").at("containers");
  EXPECT_EQ(containers.at("x-kubernetes-patch-merge-key"), Json("name"));
  EXPECT_EQ(containers.at("x-kubernetes-patch-strategy"), Json("merge"));
  EXPECT_EQ(containers.at("x-kubernetes-list-type"), Json("map"));
  EXPECT_EQ(containers.at("x-kubernetes-list-map-keys"), js(R"(["name"])"));
  EXPECT_EQ(definitions.at("io.k8s.api.core.v1.Volume").at("properties").as_object().count("emptyDir"), 1u);
  EXPECT_EQ(definitions.at("io.k8s.apimachinery.pkg.api.resource.Quantity").at("type"), Json("string"));
  EXPECT_EQ(definitions.at("io.k8s.apimachinery.pkg.apis.meta.v1.Time").at("format"), Json("date-time"));
  const Json& either = definitions.at("io.k8s.apimachinery.pkg.util.intstr.IntOrString");
  EXPECT_EQ(either.at("format"), Json("int-or-string"));
  EXPECT_EQ(either.at("x-kubernetes-int-or-string"), Json(true));
  const Json& patch = document.at("paths").at("/api/v1/namespaces/{namespace}/pods/{name}").at("patch");
  EXPECT_EQ(patch.at("x-kubernetes-action"), Json("patch"));
  EXPECT_EQ(patch.at("x-kubernetes-group-version-kind"), js(R"({"group":"","kind":"Pod","version":"v1"})"));
  EXPECT_EQ(document.at("paths").at("/apis/apps/v1/deployments").at("get").at("x-kubernetes-action"), Json("list"));
}

TEST_F(OpenApi, EveryKindCanBePatchedDry) {
  for (const Kind* kind : schema_->kinds()) {
    Json document = js(openapi_v3_json(*schema_, kind->group, kind->version, "v1.36.0"));
    if (!kind->has_verb("patch")) continue;
    bool dry = false;
    bool validated = false;
    for (const auto& [path, item] : document.at("paths").as_object()) {
      const auto* patch = item.as_object().if_contains("patch");
      if (patch == nullptr) continue;
      if (patch->at("x-kubernetes-group-version-kind").at("kind") != Json(kind->kind)) continue;
      for (const Json& parameter : patch->at("parameters").as_array()) {
        dry = dry || parameter.at("name") == Json("dryRun");
        validated = validated || parameter.at("name") == Json("fieldValidation");
      }
    }
    EXPECT_TRUE(dry && validated) << kind->kind;
  }
}

TEST_F(OpenApi, V3) {
  Json index = js(openapi_v3_index(*schema_));
  const Json& apps = index.at("paths").at("apis/apps/v1");
  std::string url(apps.at("serverRelativeURL").as_string().c_str());
  EXPECT_TRUE(url.starts_with("/openapi/v3/apis/apps/v1?hash=")) << url;
  EXPECT_EQ(index, js(openapi_v3_index(*schema_)));
  for (const auto& [path, entry] : index.at("paths").as_object()) {
    std::string text(path);
    text = text.substr(text.find('/') + 1);
    size_t slash = text.find('/');
    std::string group = slash == std::string::npos ? "" : text.substr(0, slash);
    Json document = js(openapi_v3_json(*schema_, group, text.substr(slash + 1), "v1.36.0"));
    const auto& schemas = document.at("components").at("schemas").as_object();
    std::set<std::string> refs;
    collect_refs(document, refs);
    for (const std::string& ref : refs) {
      EXPECT_TRUE(ref.starts_with("#/components/schemas/")) << ref;
      EXPECT_TRUE(schemas.contains(ref.substr(21))) << ref;
    }
  }
  Json document = js(openapi_v3_json(*schema_, "apps", "v1", "v1.36.0"));
  const Json& set = document.at("components").at("schemas").at("io.k8s.api.apps.v1.ReplicaSet");
  EXPECT_EQ(set.at("properties").at("spec").at("allOf").at(0).at("$ref"),
            Json("#/components/schemas/io.k8s.api.apps.v1.ReplicaSetSpec"));
  EXPECT_FALSE(document.at("components").at("schemas").as_object().contains("io.k8s.api.core.v1.Node"));
}

// Walks the protobuf document as a client would: definitions (9) of names (1) and schemas (2).
TEST_F(OpenApi, V2Protobuf) {
  std::string bytes = openapi_v2_protobuf(*schema_, "v1.36.0");
  Json document = js(openapi_v2_json(*schema_, "v1.36.0"));
  size_t definitions = 0;
  size_t paths = 0;
  bool pod_has_kind = false;
  wire::Reader reader(bytes);
  for (wire::Entry entry; reader.next(entry);) {
    if (entry.number != 8 && entry.number != 9) continue;
    wire::Reader inside(entry.bytes);
    for (wire::Entry named; inside.next(named);) {
      (entry.number == 8 ? paths : definitions) += 1;
      std::string_view name;
      wire::Reader pair(named.bytes);
      for (wire::Entry part; pair.next(part);) {
        if (part.number == 1) name = part.bytes;
        if (part.number != 2 || name != "io.k8s.api.core.v1.Pod") continue;
        wire::Reader schema(part.bytes);
        for (wire::Entry field; schema.next(field);) {
          if (field.number != 31) continue;
          EXPECT_NE(field.bytes.find("x-kubernetes-group-version-kind"), std::string_view::npos);
          pod_has_kind = field.bytes.find("\"kind\":\"Pod\"") != std::string_view::npos;
        }
        EXPECT_FALSE(schema.failed());
      }
      EXPECT_FALSE(pair.failed());
    }
    EXPECT_FALSE(inside.failed());
  }
  EXPECT_FALSE(reader.failed());
  EXPECT_TRUE(pod_has_kind);
  EXPECT_EQ(definitions, document.at("definitions").as_object().size());
  EXPECT_EQ(paths, document.at("paths").as_object().size());
}

}  // namespace
}  // namespace gantry::schema
