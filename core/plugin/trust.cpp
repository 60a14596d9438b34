#include "core/plugin/trust.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/files/errno_status.hpp"
#include "core/files/way.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr size_t kMaxSignature = 16 << 10, kBlock = 64 << 10;

// `most` 0: as long as it is.
Expected<std::string> read_all(const fs::path& path, size_t most) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return files::status_of_errno(path.string(), errno);
  std::string bytes;
  std::vector<char> block(kBlock);
  do {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    bytes.append(block.data(), static_cast<size_t>(file.gcount()));
    if (most > 0 && bytes.size() > most) {
      return Status::invalid(path.string() + " is no signature: it has more than " + std::to_string(most) + " bytes");
    }
  } while (file);
  return bytes;
}

const unsigned char* data_of(const std::string& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Expected<KeyPtr> read_key(const fs::path& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (file == nullptr) return files::status_of_errno("plugins.public_key: " + path.string(), errno);
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
    if (signature.error().code() != 404) return signature.error();
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
  const int valid =
      EVP_DigestVerify(context.get(), data_of(*signature), signature->size(), data_of(*bytes), bytes->size());
  if (valid == 1) return {};
  return Status::forbidden(signature_path + " is not a signature of " + path.string() + " by the key of " +
                           public_key.string());
}

std::string hex_of(EVP_MD_CTX& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  EVP_DigestFinal_ex(&digest, bytes.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

}  // namespace

Status check_owner(const fs::path& path) {
  if (auto way = files::check_way(path, "a plugin's file"); !way.ok()) return way;
  // The folders that the file and a link to it lie in are no mere passage: who can put a file there, a signature say,
  // must not be just anybody, sticky bit or not.
  std::error_code failed;
  const auto real = fs::canonical(path, failed);
  if (failed) return files::status_of_errno(path.string(), failed.value());
  for (const auto& folder : {fs::absolute(path, failed).parent_path(), real.parent_path()}) {
    if (auto way = files::check_way(folder, "a plugin's folder"); !way.ok()) return way;
  }
  return {};
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
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return files::status_of_errno(path.string(), errno);
  const DigestPtr digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::array<char, 65'536> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    EVP_DigestUpdate(digest.get(), block.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return files::status_of_errno(path.string(), errno);
  return hex_of(*digest);
}

std::string sha256_of_text(std::string_view text) {
  const DigestPtr digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(digest.get(), text.data(), text.size());
  return hex_of(*digest);
}

}  // namespace gantry::plugin
