#include "gantry/discovery.hpp"

#include <gtest/gtest.h>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"

namespace gantry::sdk {
namespace {

std::string list_of(const std::string& group_version) {
  metav1::APIResourceList list;
  list.set_group_version(group_version);
  for (const char* name : {"pods", "pods/log"}) {
    auto& resource = *list.add_resources();
    resource.set_name(name);
    resource.set_kind("Pod");
    resource.set_namespaced(true);
    resource.mutable_verbs()->add_items("list");
    resource.mutable_verbs()->add_items("get");
  }
  return list.SerializeAsString();
}

TEST(Discovery, ReadsAListWithoutSubresources) {
  const auto found = read_resources(list_of("example.com/v2"));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  const auto& pods = found->front();
  EXPECT_EQ(pods.group + " " + pods.version + " " + pods.name + " " + pods.kind, "example.com v2 pods Pod");
  EXPECT_TRUE(pods.namespaced);
  EXPECT_TRUE(pods.can("get"));
  EXPECT_FALSE(pods.can("watch"));
  EXPECT_EQ(read_resources(list_of("v1"))->front().group, "");
  EXPECT_EQ(read_resources(list_of("v1"))->front().version, "v1");
}

TEST(Discovery, RefusesOddVersions) {
  for (const char* odd : {"", "a/", "a/b/c", "/"}) {
    EXPECT_EQ(read_resources(list_of(odd)).error().message(), std::string("unexpected GroupVersion string: ") + odd);
  }
  EXPECT_FALSE(read_resources("\x0a\xff\xff"));
}

}  // namespace
}  // namespace gantry::sdk
