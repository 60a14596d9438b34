// What the controller says of itself.
#include <gmock/gmock.h>

#include "controller.hpp"

namespace gantry::replicaset {
namespace {

using testing::ElementsAre;

// A host that offers nothing: what needs no cache must work, and the rest must not crash.
const void* no_interface(const gantry_host*, const char*) { return nullptr; }

TEST(Controller, WithoutAHostItReconcilesNothingAndSaysNothing) {
  gantry_host raw{};
  raw.get_interface = &no_interface;
  ReplicaSetController controller{sdk::Host(&raw)};
  EXPECT_TRUE(controller.configure().ok());
  EXPECT_TRUE(controller.spec().wait_own_writes());
  EXPECT_EQ(controller.spec().workers(), 5);
  const auto spec = controller.spec();
  ASSERT_EQ(spec.watches_size(), 2);
  const auto& pods = spec.watches(1);
  EXPECT_EQ(pods.resource() + " " + pods.owner_group() + " " + pods.owner_kind(), "pods apps ReplicaSet");
  EXPECT_EQ(pods.mapping(), abi::WatchSpec::OWNER);
  EXPECT_THAT(pods.owner_selector(), ElementsAre(2, 2));
  EXPECT_TRUE(controller.reconcile({"shop", "web"}).ok());
}

}  // namespace
}  // namespace gantry::replicaset
