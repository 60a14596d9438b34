// Pod templates as patches in JSON: upstream's bytes, there and back.
#include "gantry/template_patch.hpp"

#include <gtest/gtest.h>

#include "gantry/stable_bytes.hpp"

namespace gantry::sdk {
namespace {

corev1::PodTemplateSpec read(const std::string& spec) {
  const auto made = template_of_patch(R"({"spec":{"template":)" + spec + "}}");
  EXPECT_TRUE(made) << made.error().message() << " " << spec;
  return made ? *made : corev1::PodTemplateSpec();
}

TEST(TemplatePatch, WhatIsAlwaysThereIsWrittenAndKeysAreSorted) {
  corev1::PodTemplateSpec spec;
  (*spec.mutable_metadata()->mutable_labels())["b"] = "2";
  (*spec.mutable_metadata()->mutable_labels())["a"] = "1";
  auto& container = *spec.mutable_spec()->add_containers();
  container.set_name("main");
  container.set_image("web:1");
  spec.mutable_spec()->set_termination_grace_period_seconds(0);
  spec.mutable_spec()->set_host_network(false);
  spec.mutable_spec()->mutable_security_context();
  EXPECT_EQ(
      template_patch(spec),
      R"({"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[)"
      R"({"image":"web:1","name":"main","resources":{}}],"securityContext":{},"terminationGracePeriodSeconds":0}}}})");
  EXPECT_EQ(template_patch({}),
            R"({"spec":{"template":{"$patch":"replace","metadata":{},"spec":{"containers":null}}}})");
}

TEST(TemplatePatch, TextIsEscapedAsGoDoesIt) {
  corev1::PodTemplateSpec spec;
  (*spec.mutable_metadata()->mutable_annotations())["x"] = "<&> \"\\ \n\x01 é\u2028";
  const auto patch = template_patch(spec);
  EXPECT_NE(patch.find(R"("x":"\u003c\u0026\u003e \"\\ \n\u0001 é\u2028")"), std::string::npos) << patch;
  EXPECT_EQ(stable_bytes(*template_of_patch(patch)), stable_bytes([&] {
              spec.mutable_spec();
              return spec;
            }()));
}

// Every form that a field may have: in a parent's object, as a number or a text, a quantity, a map, a list, a pointer.
TEST(TemplatePatch, ThereAndBack) {
  const std::string written =
      R"({"$patch":"replace","metadata":{"annotations":{"k":"v"},"creationTimestamp":"2026-11-28T19:30:00Z"},"spec":{)"
      R"("containers":[{"args":["a","b"],"env":[{"name":"A","valueFrom":{"secretKeyRef":{"key":"k","name":"s","optional":false}}}],)"
      R"("livenessProbe":{"httpGet":{"path":"/","port":"web"},"periodSeconds":5},"name":"main",)"
      R"("ports":[{"containerPort":80,"name":"web"}],"readinessProbe":{"tcpSocket":{"port":80}},)"
      R"("resources":{"limits":{"cpu":"100m","memory":"1Gi"}}}],"nodeSelector":{"disk":"ssd"},)"
      R"("tolerations":[{"operator":"Exists","tolerationSeconds":-1}],)"
      R"("volumes":[{"emptyDir":{},"name":"tmp"},{"configMap":{"defaultMode":420,"items":[{"key":"a","path":"b"}],"name":"c"},"name":"cfg"},)"
      R"({"name":"data","persistentVolumeClaim":{"claimName":"data-0"}}]}})";
  const auto spec = read(written);
  EXPECT_EQ(template_patch(spec), R"({"spec":{"template":)" + written + "}}");
  ASSERT_EQ(spec.spec().volumes_size(), 3);
  EXPECT_EQ(spec.spec().volumes(1).volume_source().config_map().local_object_reference().name(), "c");
  EXPECT_EQ(spec.spec().volumes(1).volume_source().config_map().items(0).path(), "b");
  EXPECT_EQ(spec.spec().containers(0).liveness_probe().probe_handler().http_get().port().str_val(), "web");
  EXPECT_EQ(spec.spec().containers(0).readiness_probe().probe_handler().tcp_socket().port().int_val(), 80);
  EXPECT_EQ(spec.spec().tolerations(0).toleration_seconds(), -1);
  EXPECT_EQ(spec.metadata().creation_timestamp().seconds(), 1795894200);
}

TEST(TemplatePatch, WhatIsUnknownIsPassedOver) {
  const auto made = template_of_patch(
      R"({ "x" : [1.5e3, {"y": null}], "spec": {"replicas": 3, "template": {"spec": {"later": {"a": [true, false]},)"
      R"("hostname": "h\u00e9\ud83d\ude00", "containers": null}, "metadata": {"creationTimestamp": null}}}})");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->spec().hostname(), "h\u00e9\U0001F600");
}

TEST(TemplatePatch, NonsenseIsRefused) {
  for (const char* text :
       {"", "{", "[]", "null", R"({"spec":{}})", R"({"spec":{"template":3}})", R"({"spec":{"template":{"spec":7}}})",
        R"({"spec":{"template":{"spec":{"hostname":true}}}})", R"({"spec":{"template":{"spec":{"hostname":"\x"}}}})",
        R"({"spec":{"template":{"spec":{"hostname":"\ud800"}}}})", R"({"spec":{"template":{"spec":{"priority":1.5}}}})",
        R"({"spec":{"template":{"spec":{"containers":{}}}}})",
        R"({"spec":{"template":{"spec":{"containers":[{}}}}})"}) {
    EXPECT_EQ(template_of_patch(text).error().code(), 400) << text;
  }
  std::string deep = R"({"spec":{"template":{"x":)";
  EXPECT_FALSE(template_of_patch(deep + std::string(100'000, '[')));
}

}  // namespace
}  // namespace gantry::sdk
