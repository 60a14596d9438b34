#include "core/kinds/parts/certificate_pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>

#include "core/schema/values/text.hpp"

namespace gantry::kinds {
namespace {

template <auto free_it>
struct Freed {
  template <typename Thing>
  void operator()(Thing* thing) const {
    free_it(thing);
  }
};
void free_bytes(void* bytes) { OPENSSL_free(bytes); }

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
template <typename Byte>
using Bytes = std::unique_ptr<Byte, Freed<free_bytes>>;

Bio reader(std::string_view pem) {
  return pem.size() > INT32_MAX ? nullptr : Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

struct Block {
  std::string type;
  bool headers = false;
  Bytes<unsigned char> bytes;
  long size = 0;  // NOLINT(google-runtime-int): OpenSSL's
};

// The next one; what is between blocks, or is no block, is passed over. Null: there is none.
std::optional<Block> next_block(BIO* bio) {
  char *type = nullptr, *headers = nullptr;
  unsigned char* bytes = nullptr;
  Block block;
  const int found = PEM_read_bio(bio, &type, &headers, &bytes, &block.size);
  ERR_clear_error();  // what is wrong is this function's answer
  if (found != 1) return std::nullopt;
  const Bytes<char> type_owner(type), headers_owner(headers);
  block.bytes.reset(bytes);
  block.type = type;
  block.headers = headers != nullptr && *headers != '\0';
  return block;
}

Status unreadable(std::string_view what) {
  ERR_clear_error();
  return Status::invalid("asn1: the " + std::string(what) + " cannot be read");
}

}  // namespace

Status check_request_pem(std::string_view pem) {
  const Bio bio = reader(pem);
  const auto block = bio != nullptr ? next_block(bio.get()) : std::nullopt;
  if (!block || block->type != "CERTIFICATE REQUEST") {
    return Status::invalid("PEM block type must be CERTIFICATE REQUEST");
  }
  const unsigned char* at = block->bytes.get();
  const Request request(d2i_X509_REQ(nullptr, &at, block->size));
  if (request == nullptr || at != block->bytes.get() + block->size) return unreadable("request");
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  const bool good = key != nullptr && X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  return good ? Status() : Status::invalid("x509: the signature of the request is not that of its key");
}

Status check_certificate_pem(std::string_view pem) {
  const Bio bio = reader(pem);
  size_t blocks = 0;
  while (bio != nullptr) {
    const auto block = next_block(bio.get());
    if (!block) break;
    if (block->type != "CERTIFICATE") {
      return Status::invalid("only CERTIFICATE PEM blocks are allowed, found " + schema::quoted(block->type));
    }
    if (block->headers) return Status::invalid("no PEM block headers are permitted");
    ++blocks;
    if (block->size == 0) return Status::invalid("found CERTIFICATE PEM block containing 0 certificates");
    const unsigned char* at = block->bytes.get();
    const Certificate certificate(d2i_X509(nullptr, &at, block->size));
    if (certificate == nullptr || at != block->bytes.get() + block->size) return unreadable("certificate");
  }
  return blocks > 0 ? Status() : Status::invalid("must contain at least one CERTIFICATE PEM block");
}

}  // namespace gantry::kinds
