#include "gantry/template_hash.hpp"

#include <gtest/gtest.h>

namespace gantry::sdk {
namespace {

corev1::PodTemplateSpec with_labels(bool backwards, const std::string& image = "web:1") {
  corev1::PodTemplateSpec spec;
  auto& labels = *spec.mutable_metadata()->mutable_labels();
  for (int i = 0; i < 20; ++i) labels["k" + std::to_string(backwards ? 19 - i : i)] = "v";
  spec.mutable_spec()->add_containers()->set_image(image);
  return spec;
}

TEST(TemplateHash, DependsOnContentNotOnMapOrder) {
  EXPECT_EQ(template_hash(with_labels(false), {}), template_hash(with_labels(true), {}));
  EXPECT_NE(template_hash(with_labels(false), {}), template_hash(with_labels(false, "web:2"), {}));
}

// Sets made by an earlier release must keep their names; a change of the hash would start no rollout, but surprise
// people.
TEST(TemplateHash, IsStable) {
  corev1::PodTemplateSpec spec;
  EXPECT_EQ(template_hash(spec, {}), "65bb57b6b5");
}

TEST(TemplateHash, CollisionsGiveAnotherName) {
  const auto spec = with_labels(false);
  EXPECT_NE(template_hash(spec, {}), template_hash(spec, 1));
  EXPECT_NE(template_hash(spec, 1), template_hash(spec, 2));
}

TEST(TemplateHash, UsesTheSafeAlphabet) {
  const auto hash = template_hash(with_labels(false), {});
  EXPECT_EQ(hash.find_first_not_of("bcdfghjklmnpqrstvwxz2456789"), std::string::npos);
  EXPECT_LE(hash.size(), 10u);
}

TEST(TemplateHash, NamesStayValid) {
  EXPECT_EQ(hashed_name("web", "abc"), "web-abc");
  EXPECT_EQ(hashed_name(std::string(253, 'a'), "abc").size(), 253u);
  EXPECT_EQ(hashed_name(std::string(248, 'a') + ".bcde", "abc"), std::string(248, 'a') + "-abc");
}

}  // namespace
}  // namespace gantry::sdk
