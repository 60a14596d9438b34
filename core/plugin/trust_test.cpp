// Files that must not be loaded, and why; each check alone, and through the plugin host's own door.
#include "core/plugin/trust.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "core/plugin/verify.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

class Trust : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gantry-trust-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    file_ = dir_ / "good.so";
    fs::copy_file(fs::path(TEST_PLUGINS) / "test_plugin_good.so", file_);
    ::chmod(file_.c_str(), 0644);
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write_key(EVP_PKEY* key) const {
    FILE* out = std::fopen((dir_ / "key.pem").c_str(), "w");
    PEM_write_PUBKEY(out, key);
    std::fclose(out);
  }
  void sign(EVP_PKEY* key, const EVP_MD* digest) const {
    std::stringstream read;
    read << std::ifstream(file_, std::ios::binary).rdbuf();
    const auto bytes = read.str();
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key), 1);
    size_t size = 0;
    ASSERT_EQ(EVP_DigestSign(context.get(), nullptr, &size, data, bytes.size()), 1);
    std::string signature(size, '\0');
    ASSERT_EQ(
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, bytes.size()),
        1);
    std::ofstream(file_.string() + ".sig", std::ios::binary) << signature.substr(0, size);
  }
  std::string refusal(const TrustOptions& options) const {
    const auto image = verify_image(file_, options);
    return image ? "" : image.error().message();
  }
  TrustOptions signed_by_key() const {
    TrustOptions options;
    options.public_key = dir_ / "key.pem";
    return options;
  }

  static std::string writable(const fs::path& path) {
    return path.string() + " can be written by others than its owner: \"chmod go-w " + path.string() + "\"";
  }

  fs::path dir_, file_;
};

TEST_F(Trust, AGoodFileSaysWhatItIs) {
  const auto image = verify_image(file_, {});
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ(image->name, "good");
  EXPECT_EQ(image->version, "1.2.3");
  EXPECT_EQ(image->sha256.size(), 64u);
}

TEST_F(Trust, WhatOthersCanWriteIsRefused) {
  ::chmod(file_.c_str(), 0664);
  EXPECT_EQ(refusal({}), writable(file_));
  ::chmod(file_.c_str(), 0644);
  ::chmod(dir_.c_str(), 0777);
  EXPECT_EQ(refusal({}), writable(dir_));
  ::chmod(dir_.c_str(), 0755);
  EXPECT_EQ(refusal({}), "");
}

TEST_F(Trust, ALinkIsNoBetterThanWhatItLeadsTo) {
  const auto evil = dir_ / "evil", link = dir_ / "link" / "good.so";
  fs::create_directories(evil);
  fs::create_directories(link.parent_path());
  fs::rename(file_, evil / "real.so");
  fs::create_symlink("../evil/real.so", link);
  file_ = link;
  EXPECT_EQ(refusal({}), "");
  ::chmod(evil.c_str(), 0777);
  const auto why = writable(evil);
  EXPECT_EQ(refusal({}), why);
  // Nor does the sticky bit help: a signature could be put beside it.
  ::chmod(evil.c_str(), 01777);
  EXPECT_EQ(refusal({}), why);
  ::chmod(evil.c_str(), 0755);
  // A link in the midst of the way, and one that is given away.
  fs::create_directory_symlink(link.parent_path(), dir_ / "way");
  file_ = dir_ / "way" / "good.so";
  EXPECT_EQ(refusal({}), "");
  if (::geteuid() != 0) return;
  ASSERT_EQ(::lchown((dir_ / "way").c_str(), 65534, 65534), 0);
  EXPECT_TRUE(refusal({}).starts_with((dir_ / "way").string() + " belongs to user 65534; ")) << refusal({});
}

TEST_F(Trust, EachFolderUpToTheRootCounts) {
  const auto deep = dir_ / "a" / "b";
  fs::create_directories(deep);
  fs::rename(file_, deep / "good.so");
  file_ = deep / "good.so";
  EXPECT_EQ(refusal({}), "");
  ::chmod((dir_ / "a").c_str(), 0775);
  EXPECT_EQ(refusal({}), writable((dir_ / "a")));
  ::chmod((dir_ / "a").c_str(), 01777);
  EXPECT_EQ(refusal({}), "") << "like /tmp";
  file_ = deep / ".." / "b" / "good.so";
  EXPECT_EQ(refusal({}), "");
}

TEST_F(Trust, LinksInACircleEnd) {
  fs::create_symlink("other.so", dir_ / "round.so");
  fs::create_symlink("round.so", dir_ / "other.so");
  file_ = dir_ / "round.so";
  EXPECT_NE(refusal({}).find("Too many levels of symbolic links"), std::string::npos) << refusal({});
}

TEST(Verify, AFileThatNeverLoadsIsGivenUp) {
  const auto file = fs::path(TEST_PLUGINS) / "never_loads.so";
  const auto image = verify_image_apart(file, {}, std::chrono::milliseconds(200));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message(), file.string() + " does not finish loading within 200 ms");
}

TEST(Verify, SoIsOneThatStopsItself) {
  const auto left = [] {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path())) {
      count += entry.path().filename().string().starts_with("gantry-verify-") ? 1 : 0;
    }
    return count;
  };
  const auto before = left();
  const auto file = fs::path(TEST_PLUGINS) / "stops_itself.so";
  const auto image = verify_image_apart(file, {}, std::chrono::milliseconds(200));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message(), file.string() + " does not finish loading within 200 ms");
  EXPECT_EQ(left(), before);
}

TEST_F(Trust, WhatBelongsToOthersIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(file_.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal({}).find("belongs to user 65534"), std::string::npos) << refusal({});
}

TEST_F(Trust, Ed25519SignaturesCount) {
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  write_key(key.get());
  EXPECT_NE(refusal(signed_by_key()).find("has no signature"), std::string::npos);
  sign(key.get(), nullptr);
  EXPECT_EQ(refusal(signed_by_key()), "");
  std::ofstream(file_, std::ios::app | std::ios::binary) << "x";
  EXPECT_NE(refusal(signed_by_key()).find("is not a signature of"), std::string::npos) << refusal(signed_by_key());
}

TEST_F(Trust, SoDoThoseOfEllipticCurves) {
  const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free), other(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  write_key(key.get());
  sign(other.get(), EVP_sha256());
  EXPECT_NE(refusal(signed_by_key()).find("is not a signature of"), std::string::npos);
  sign(key.get(), EVP_sha256());
  EXPECT_EQ(refusal(signed_by_key()), "");
}

// As sparse and long as a disk may hold it: only as much is read as a signature may have.
TEST_F(Trust, ASignatureOfAnyLengthIsNotRead) {
  const KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  write_key(key.get());
  sign(key.get(), nullptr);
  fs::resize_file(file_.string() + ".sig", uintmax_t{1} << 40);
  EXPECT_NE(refusal(signed_by_key()).find("is no signature: it has more than 16384 bytes"), std::string::npos)
      << refusal(signed_by_key());
}

TEST_F(Trust, AKeyThatIsNone) {
  std::ofstream(dir_ / "key.pem") << "no key";
  std::ofstream(file_.string() + ".sig") << "no signature";
  EXPECT_NE(refusal(signed_by_key()).find("is not a public key in PEM"), std::string::npos);
}

TEST_F(Trust, BrokenFilesAreOneSentence) {
  fs::resize_file(file_, 64 * 1024);  // of what is mapped: half of the file may be what only a debugger reads
  EXPECT_NE(refusal({}).find("is not a loadable shared object: the file is truncated: it has "), std::string::npos)
      << refusal({});
  {
    std::fstream machine(file_, std::ios::in | std::ios::out | std::ios::binary);
    machine.seekp(18);  // e_machine
    machine.write("\xf3\x00", 2);
  }
  EXPECT_NE(refusal({}).find("it is built for RISC-V, this is "), std::string::npos) << refusal({});
  std::ofstream(file_, std::ios::trunc) << "just text";
  EXPECT_NE(refusal({}).find("is not a loadable shared object: "), std::string::npos) << refusal({});
  EXPECT_EQ(refusal({}).find("gantry-verify"), std::string::npos) << "names the copy: " << refusal({});
}

}  // namespace
}  // namespace gantry::plugin
