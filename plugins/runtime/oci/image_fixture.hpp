// An image store in a folder of the test's own. Run as root.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include "digest.hpp"
#include "image_store.hpp"
#include "mounts.hpp"
#include "test_image.hpp"

namespace gantry::oci::test {

class ImageTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    base_ = fs::temp_directory_path() / ("gantry-image-" + random_id().substr(0, 12));
    open();
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_TRUE(unmount_below(base_).ok());
    fs::remove_all(base_);
  }
  void open() {
    store_.reset();
    auto made = ImageStore::open(base_ / "images", 1 << 30, [this] { return in_use_; });
    ASSERT_TRUE(made.ok()) << made.error().message();
    store_ = std::move(*made);
  }
  Expected<std::vector<ImageStore::Imported>> import(const std::string& bytes, const std::string& name = {}) {
    const auto file = memory_file(bytes);
    auto out = store_->import(file.get(), name);
    EXPECT_TRUE(fs::is_empty(base_ / "images" / "tmp"));
    return out;
  }
  Expected<std::vector<ImageStore::Imported>> import_layer(const std::vector<Entry>& entries) {
    ImageSpec image;
    image.layers = {tar(entries)};
    return import(tar(oci_layout(image)));
  }
  // The unpacked layer of these entries.
  fs::path layer(const std::vector<Entry>& entries) {
    const auto imported = import_layer(entries);
    EXPECT_TRUE(imported.ok()) << imported.error().message();
    return store_->layer_path(sha256_hex(tar(entries)));
  }
  void expect_refused(const std::vector<Entry>& entries, const std::string& why) {
    fs::create_directories(base_ / "outside");
    const auto imported = import_layer(entries);
    ASSERT_FALSE(imported.ok());
    EXPECT_EQ(imported.error().code(), 400);
    EXPECT_NE(imported.error().message().find(why), std::string::npos) << imported.error().message();
    EXPECT_TRUE(fs::is_empty(base_ / "outside"));
    EXPECT_TRUE(store_->list().empty());
    EXPECT_TRUE(fs::is_empty(base_ / "images" / "layers"));
  }

  fs::path base_;
  std::set<std::string> in_use_;
  std::unique_ptr<ImageStore> store_;
};

}  // namespace gantry::oci::test
