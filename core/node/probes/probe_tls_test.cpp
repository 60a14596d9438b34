// An HTTPS probe against a server whose certificate nobody would trust: that must not matter.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/node/probes/probe_testing.hpp"

namespace gantry::node {
namespace {

using testing::soon;

// Expired, for another name, signed by itself.
class TlsServer {
 public:
  explicit TlsServer(std::string answer)
      : answer_(std::move(answer)), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), -3600);
    X509_set_pubkey(certificate.get(), key.get());
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("elsewhere"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), name);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    SSL_CTX_use_certificate(context_.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_.get(), 1);
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port() const { return port_; }

 private:
  void serve() {
    const io::UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer.valid()) return;
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(tls.get(), peer.get());
    char block[4096];
    if (SSL_accept(tls.get()) != 1 || SSL_read(tls.get(), block, sizeof block) <= 0) return;
    SSL_write(tls.get(), answer_.data(), static_cast<int>(answer_.size()));
    SSL_shutdown(tls.get());
  }

  const std::string answer_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  io::UniqueFd fd_;
  int port_ = 0;
  std::thread thread_;
};

TEST(ProbeHttps, CertificatesAreNotChecked) {
  TlsServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const auto outcome = probe_http({true, "127.0.0.1", server.port(), "/", {}}, soon());
  EXPECT_EQ(outcome.result, ProbeResult::kSuccess) << outcome.output;
  EXPECT_EQ(outcome.output, "ok");
}

TEST(ProbeHttps, TheCodeCounts) {
  TlsServer server("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  const auto outcome = probe_http({true, "127.0.0.1", server.port(), "/", {}}, soon());
  EXPECT_EQ(outcome.output, "HTTP probe failed with statuscode: 503");
}

}  // namespace
}  // namespace gantry::node
