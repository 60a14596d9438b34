#include "core/node/runtime/image_name.hpp"

#include <gtest/gtest.h>

namespace gantry::node {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageName, NamesOfImages) {
  for (const std::string name :
       {"busybox", "busybox:1", "library/busybox", "gantry.local/busybox:1.36", "localhost/a",
        "localhost:5000/a/b:Tag_1.2-3", "registry.example.com:5000/team/app", "[::1]:5000/app:1", "[fd00::1]/app",
        "x/a.b_c__d---e", "Registry/app:1", "index.docker.io/busybox", "a/b/c/d/e", "sha256:abc", "app:_x", "1/2"}) {
    EXPECT_TRUE(check_image_name(name).ok()) << name;
  }
  EXPECT_TRUE(check_image_name("app@" + kDigest).ok());
  EXPECT_TRUE(check_image_name("gantry.local/app:1@" + kDigest).ok());
  EXPECT_TRUE(check_image_name("app@sha512+b64u:" + std::string(32, 'F')).ok());
  EXPECT_TRUE(check_image_name("app:" + std::string(128, 't')).ok());
  EXPECT_TRUE(check_image_name("example.com/" + std::string(243, 'n')).ok());
}

TEST(ImageName, WhatIsNone) {
  for (const std::string name : {"",
                                 "${APP_IMAGE}:1",
                                 "https://example.com/app:1",
                                 "app image:1",
                                 " app",
                                 "app ",
                                 "app:",
                                 ":1",
                                 "/app",
                                 "app/",
                                 "a//b",
                                 "-app",
                                 "app-",
                                 ".app",
                                 "a..b",
                                 "a___b",
                                 "a._b",
                                 "app:.1",
                                 "app:-1",
                                 "app:1:2",
                                 "app@",
                                 "app@sha256:abc",
                                 "example.com:/app",
                                 "example.com:port/app",
                                 "-example.com/app",
                                 "example..com/app",
                                 "[::1/app",
                                 "[::1]x/app",
                                 "[]/app",
                                 "[::g]/app",
                                 "app@sha256",
                                 "b\xC3\xA9/x",
                                 "app:1\n"}) {
    EXPECT_EQ(check_image_name(name).message(), "invalid reference format") << name;
  }
  EXPECT_FALSE(check_image_name("app@9a:" + std::string(32, 'f')).ok());
  EXPECT_FALSE(check_image_name("app@a+:" + std::string(32, 'f')).ok());
  EXPECT_FALSE(check_image_name("app@:" + std::string(32, 'f')).ok());
  EXPECT_FALSE(check_image_name("app@sha256:" + std::string(31, 'f')).ok());
  EXPECT_FALSE(check_image_name("app@sha256:" + std::string(32, 'g')).ok());
  EXPECT_FALSE(check_image_name("app:" + std::string(129, 't')).ok());
  EXPECT_FALSE(check_image_name("example.com/" + std::string(244, 'n')).ok());
}

TEST(ImageName, CapitalsAreSaid) {
  EXPECT_EQ(check_image_name("Repo/App:1").message(),
            "invalid reference format: repository name (App) must be lowercase");
  EXPECT_EQ(check_image_name("busyBOX@" + kDigest).message(),
            "invalid reference format: repository name (library/busyBOX) must be lowercase");
  EXPECT_TRUE(check_image_name("app:TAG").ok());
}

TEST(ImageName, AnIdIsNoName) {
  const std::string id(64, 'a');
  EXPECT_EQ(check_image_name(id).message(),
            "invalid repository name (" + id + "), cannot specify 64-byte hexadecimal strings");
  EXPECT_TRUE(check_image_name(id.substr(1)).ok());
}

}  // namespace
}  // namespace gantry::node
