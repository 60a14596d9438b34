#include "core/plugin/trust.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::streamsize kMaxSignature = 16 << 10;

Status check_one(const fs::path& path, std::string_view what) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Status::not_found(path.string() + ": " + std::strerror(errno));
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return Status::forbidden(path.string() + " belongs to user " + std::to_string(info.st_uid) + "; a plugin's " +
                             std::string(what) + " must belong to root or to the daemon's user: chown it");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Status::forbidden(path.string() + " can be written by others than its owner; chmod go-w it");
  }
  return {};
}

Expected<std::vector<unsigned char>> read_all(const fs::path& path, std::streamsize limit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found(path.string() + ": cannot be read");
  std::vector<unsigned char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (limit > 0 && static_cast<std::streamsize>(bytes.size()) > limit) {
    return Status::invalid(path.string() + " is no signature: it has " + std::to_string(bytes.size()) + " bytes");
  }
  return bytes;
}

Expected<KeyPtr> read_key(const fs::path& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (file == nullptr) return Status::not_found("plugins.public_key: " + path.string() + ": " + std::strerror(errno));
  KeyPtr key(PEM_read_PUBKEY(file.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (key == nullptr) return Status::invalid("plugins.public_key: " + path.string() + " is not a public key in PEM");
  return key;
}

Status check_signature(const fs::path& path, const fs::path& image, const fs::path& public_key) {
  auto key = read_key(public_key);
  if (!key) return std::move(key).error();
  const auto signature_path = path.string() + ".sig";
  const auto signature = read_all(signature_path, kMaxSignature);
  if (!signature) {
    return Status::forbidden(path.string() + " has no signature " + signature_path +
                             ", and plugins.require_signature is set");
  }
  const auto bytes = read_all(image, 0);
  if (!bytes) return bytes.error();
  const bool plain = EVP_PKEY_get_id(key->get()) == EVP_PKEY_ED25519;
  const DigestPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (EVP_DigestVerifyInit(context.get(), nullptr, plain ? nullptr : EVP_sha256(), nullptr, key->get()) != 1) {
    return Status::invalid("plugins.public_key: " + public_key.string() + " is of a kind that signs no files");
  }
  const int valid = EVP_DigestVerify(context.get(), signature->data(), signature->size(), bytes->data(), bytes->size());
  if (valid == 1) return {};
  return Status::forbidden(signature_path + " is not a signature of " + path.string() + " by the key of " +
                           public_key.string());
}

}  // namespace

Status check_owner(const fs::path& path) {
  if (auto status = check_one(path, "file"); !status.ok()) return status;
  const auto folder = path.parent_path();
  return check_one(folder.empty() ? fs::path(".") : folder, "folder");
}

Status check_image(const fs::path& path, const fs::path& image, const TrustOptions& options) {
  if (!options.sha256.empty()) {
    const auto found = sha256_of(image);
    if (!found) return found.error();
    if (*found != options.sha256) {
      return Status::forbidden(path.string() + " has SHA-256 " + *found + ", the configuration pins " + options.sha256 +
                               "; install the pinned file or correct the plugin's sha256");
    }
  }
  return options.public_key.empty() ? Status() : check_signature(path, image, options.public_key);
}

Expected<std::string> sha256_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found(path.string() + ": cannot be read");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::array<char, 65'536> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    EVP_DigestUpdate(digest.get(), block.data(), static_cast<size_t>(file.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest.get(), bytes.data(), &size);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

}  // namespace gantry::plugin
