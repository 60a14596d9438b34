// The PKI: made once, kept, renewed when it must be; file modes; what authentication makes of subjects.
#include "core/auth/pki.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/auth/authenticator.hpp"
#include "core/auth/certificates.hpp"
#include "core/auth/private_file.hpp"

namespace gantry::auth {
namespace {

class PkiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gantry-pki-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

mode_t mode_of(const std::string& path) {
  struct stat info {};
  ::stat(path.c_str(), &info);
  return info.st_mode & 0777;
}

TEST_F(PkiTest, MakesPrivateFilesOnce) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok()) << pki.error().message();
  for (const auto& key : {pki->ca_key, pki->server_key, pki->admin_key, pki->service_account_key}) {
    EXPECT_EQ(mode_of(key), 0600U) << key;
  }
  EXPECT_EQ(mode_of(directory_), 0700U);
  std::string server = read_file(pki->server_certificate);
  std::string admin = read_file(pki->admin_certificate);
  ASSERT_TRUE(ensure_pki(directory_, {}).ok());
  EXPECT_EQ(read_file(pki->server_certificate), server);
  EXPECT_EQ(read_file(pki->admin_certificate), admin);
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_EQ(entry.path().string().find(".new."), std::string::npos);
  }
}

TEST_F(PkiTest, NewNameRenewsTheServerOnly) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  std::string ca = read_file(pki->ca_certificate), admin = read_file(pki->admin_certificate);
  std::string server = read_file(pki->server_certificate);
  PkiOptions options;
  options.names = {"edge-7.example", "192.0.2.7"};
  ASSERT_TRUE(ensure_pki(directory_, options).ok());
  EXPECT_NE(read_file(pki->server_certificate), server);
  EXPECT_EQ(read_file(pki->ca_certificate), ca);
  EXPECT_EQ(read_file(pki->admin_certificate), admin);
  auto renewed = certificate_from_pem(read_file(pki->server_certificate));
  for (const char* name : {"edge-7.example", "192.0.2.7", "10.43.0.1", "kubernetes.default.svc"}) {
    EXPECT_TRUE(covers(renewed.get(), name)) << name;
  }
  EXPECT_FALSE(covers(renewed.get(), "other.example"));
}

TEST_F(PkiTest, RenewsNearExpiry) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  int64_t now = std::time(nullptr);
  ASSERT_TRUE(issue_client_certificate(*pki, {"kubernetes-admin", {"system:masters"}}, now - 60, now + 20 * 24 * 3600,
                                       pki->admin_certificate, pki->admin_key)
                  .ok());
  ASSERT_TRUE(ensure_pki(directory_, {}).ok());
  auto admin = certificate_from_pem(read_file(pki->admin_certificate));
  EXPECT_GT(expiry(admin.get()), now + 300LL * 24 * 3600);
}

TEST_F(PkiTest, RefusesACaWithoutItsKey) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  std::filesystem::remove(pki->ca_key);
  auto again = ensure_pki(directory_, {});
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("ca.key"), std::string::npos);
}

std::map<std::string, std::string> files(const std::string& directory) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_regular_file()) all[entry.path()] = read_file(entry.path());
  }
  return all;
}

// A CA is never replaced, whatever is wrong with its files.
TEST_F(PkiTest, PartsOfTheCaThatDoNotFitAreRefusedAndKept) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  const std::string other = directory_ + "/other";
  auto second = ensure_pki(other, {});
  ASSERT_TRUE(second.ok());
  const std::string certificate = read_file(pki->ca_certificate), key = read_file(pki->ca_key);
  const auto refused = [&](const std::string& word) {
    const auto before = files(directory_);
    auto again = ensure_pki(directory_, {});
    ASSERT_FALSE(again.ok()) << word;
    EXPECT_NE(again.error().message().find(word), std::string::npos) << again.error().message();
    EXPECT_NE(again.error().message().find("backup"), std::string::npos);
    EXPECT_EQ(files(directory_), before);
  };
  const auto put = [](const std::string& path, const std::string& text) {
    ASSERT_TRUE(write_file(path, text, 0600).ok());
  };
  put(pki->ca_key, read_file(second->ca_key));
  refused("do not belong together");
  put(pki->ca_key, "garbage");
  refused("ca.key can't be read as a key");
  put(pki->ca_key, key);
  put(pki->ca_certificate, "");
  refused("ca.crt can't be read as a certificate");
  std::filesystem::remove(pki->ca_certificate);
  refused("ca.crt is missing, but");
  std::filesystem::remove(pki->ca_key);
  refused("ca.crt is missing, but");
  put(pki->ca_key, key);
  put(pki->ca_certificate, certificate);
  EXPECT_TRUE(ensure_pki(directory_, {}).ok());
  put(pki->service_account_key, "garbage");
  refused("sa.key can't be read as a key");
  std::filesystem::remove(pki->service_account_key);
  refused("sa.key is missing");
}

TEST_F(PkiTest, ACaOutsideItsTimeIsNotReplaced) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  const auto put_ca = [&](int64_t from, int64_t until) {
    CertificateRequest request;
    request.use = Use::kCa;
    request.common_name = "gantry-ca@1";
    request.not_before = std::time(nullptr) + from;
    request.not_after = std::time(nullptr) + until;
    auto made = make_certificate(request, key_from_pem(read_file(pki->ca_key)).get(), nullptr, nullptr);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(write_file(pki->ca_certificate, to_pem(made->get()), 0644).ok());
  };
  put_ca(-200'000, -100'000);
  const auto before = files(directory_);
  auto expired = ensure_pki(directory_, {});
  ASSERT_FALSE(expired.ok());
  EXPECT_NE(expired.error().message().find("ca.crt expired on 2"), std::string::npos) << expired.error().message();
  EXPECT_EQ(files(directory_), before);
  // A host without a clock of its own: pods must run nevertheless.
  put_ca(100'000, 90 * 24 * 3600);
  auto early = ensure_pki(directory_, {});
  ASSERT_TRUE(early.ok());
  ASSERT_FALSE(early->notes.empty());
  EXPECT_NE(early->notes[0].find("is not valid before"), std::string::npos);
}

TEST_F(PkiTest, AFirstStartThatWasInterruptedGoesOn) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  const std::string key = read_file(pki->ca_key);
  for (const auto& entry : files(directory_)) {
    if (entry.first != pki->ca_key) std::filesystem::remove(entry.first);
  }
  auto again = ensure_pki(directory_, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(read_file(pki->ca_key), key);
  EXPECT_TRUE(again->notes.empty());
}

TEST_F(PkiTest, WhatTheCaDidNotSignIsPutAside) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  EXPECT_TRUE(pki->notes.empty());
  auto other = ensure_pki(directory_ + "/other", {});
  ASSERT_TRUE(other.ok());
  const std::string foreign = read_file(other->server_certificate), key = read_file(other->server_key);
  ASSERT_TRUE(write_file(pki->server_certificate, foreign, 0644).ok());
  ASSERT_TRUE(write_file(pki->server_key, key, 0644).ok());
  auto again = ensure_pki(directory_, {});
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->notes.size(), 1u);
  EXPECT_NE(again->notes[0].find("server.crt is not signed by the CA"), std::string::npos) << again->notes[0];
  EXPECT_EQ(read_file(pki->server_certificate + ".old"), foreign);
  EXPECT_EQ(read_file(pki->server_key + ".old"), key);
  EXPECT_EQ(mode_of(pki->server_key), 0600U);
  EXPECT_TRUE(ensure_pki(directory_, {})->notes.empty());
}

TEST_F(PkiTest, ACertificateIsWhereItBelongs) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  for (const auto& [one, other] :
       {std::pair(pki->server_certificate, pki->admin_certificate), std::pair(pki->server_key, pki->admin_key)}) {
    std::filesystem::rename(one, one + ".moved");
    std::filesystem::rename(other, one);
    std::filesystem::rename(one + ".moved", other);
  }
  auto again = ensure_pki(directory_, {});
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->notes.size(), 2u);
  EXPECT_NE(again->notes[0].find("server.crt is not a server's; a new one is made"), std::string::npos)
      << again->notes[0];
  EXPECT_NE(again->notes[1].find("admin.crt is not that of the client kubernetes-admin; a new one is made"),
            std::string::npos)
      << again->notes[1];
  EXPECT_TRUE(ensure_pki(directory_, {})->notes.empty());
  // Nor is another client's certificate the administrator's.
  ASSERT_TRUE(issue_client_certificate(*pki, {"somebody", {}}, 0, std::time(nullptr) + 360 * 86'400,
                                       pki->admin_certificate, pki->admin_key)
                  .ok());
  EXPECT_EQ(ensure_pki(directory_, {})->notes.size(), 1u);
}

TEST_F(PkiTest, KeysThatOthersCouldReadAreMadePrivate) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  ASSERT_EQ(::chmod(pki->ca_key.c_str(), 0644), 0);
  ASSERT_TRUE(ensure_pki(directory_, {}).ok());
  EXPECT_EQ(mode_of(pki->ca_key), 0600U);
  ASSERT_EQ(::chown(directory_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(ensure_pki(directory_, {}).ok());
}

TEST_F(PkiTest, NothingWaitsForAPipesOtherEnd) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  for (const auto& file : {pki->ca_certificate, pki->server_key, pki->service_account_public_key}) {
    std::filesystem::rename(file, file + ".kept");
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    EXPECT_EQ(ensure_pki(directory_, {}).error().message(), file + ": is not a regular file");
    EXPECT_EQ(Authenticator::create({file}).error().message(), file + ": is not a regular file");
    std::filesystem::rename(file + ".kept", file);
  }
  EXPECT_TRUE(ensure_pki(directory_, {}).ok());
}

TEST_F(PkiTest, HalfWrittenLeafIsMadeAnew) {
  auto pki = ensure_pki(directory_, {});
  ASSERT_TRUE(pki.ok());
  std::ofstream(pki->server_certificate) << "-----BEGIN CERTIFICATE-----\ngarbage";
  ASSERT_TRUE(ensure_pki(directory_, {}).ok());
  EXPECT_TRUE(certificate_from_pem(read_file(pki->server_certificate)));
}

TEST_F(PkiTest, TokensAndAnonymous) {
  std::string file = directory_ + "/tokens.csv";
  ASSERT_TRUE(write_file(file, "# comment\ns3cret,alice,uid-1,\"dev,ops\"\nother,bob,uid-2\n", 0600).ok());
  auto authenticator = Authenticator::create({file});
  ASSERT_TRUE(authenticator.ok());
  auto alice = (*authenticator)->authenticate({}, "Bearer s3cret");
  ASSERT_TRUE(alice.ok());
  EXPECT_EQ(alice->user, "alice");
  EXPECT_EQ(alice->uid, "uid-1");
  EXPECT_EQ(alice->groups, (std::vector<std::string>{"dev", "ops", "system:authenticated"}));
  EXPECT_TRUE((*authenticator)->authenticate({}, "bearer other").ok());
  EXPECT_EQ((*authenticator)->authenticate({}, "Bearer wrong").error().code(), 401);
  EXPECT_TRUE((*authenticator)->authenticate({}, "")->anonymous());
  EXPECT_TRUE((*authenticator)->authenticate({}, "Basic YTpi")->anonymous());
}

TEST_F(PkiTest, BadTokenFileNamesTheLine) {
  std::string file = directory_ + "/tokens.csv";
  ASSERT_TRUE(write_file(file, "a,b,c\nonlyone\n", 0600).ok());
  auto authenticator = Authenticator::create({file});
  ASSERT_FALSE(authenticator.ok());
  EXPECT_NE(authenticator.error().message().find("tokens.csv:2"), std::string::npos);
}

TEST_F(PkiTest, CertificateSubjects) {
  auto authenticator = Authenticator::create({});
  ASSERT_TRUE(authenticator.ok());
  http::PeerCertificate peer;
  peer.present = true;
  peer.common_name = "system:node:a";
  peer.organizations = {"system:nodes"};
  peer.not_after = std::time(nullptr) + 100;
  auto node = (*authenticator)->authenticate(peer, "");
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(node->groups, (std::vector<std::string>{"system:nodes", "system:authenticated"}));
  peer.not_after = std::time(nullptr) - 1;
  EXPECT_FALSE((*authenticator)->authenticate(peer, "").ok());
  peer.not_after += 100;
  peer.problem = "self-signed certificate";
  EXPECT_FALSE((*authenticator)->authenticate(peer, "").ok());
}

}  // namespace
}  // namespace gantry::auth
