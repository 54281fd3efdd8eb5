#include "lib/http/transport.h"

#include "lib/base/check.h"
#include "lib/http/openssl.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace wherry::http {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

long BioControl(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

IoResult SocketOutcome(ssize_t count, IoResult::Kind want) {
  if (count >= 0) return {IoResult::Kind::kDone, static_cast<size_t>(count)};
  return {WouldBlock(errno) ? want : IoResult::Kind::kBroken};
}

}  // namespace

// How OpenSSL reaches the socket. Its own socket BIO writes with write(2), which raises SIGPIPE,
// and sends each record by itself.
struct Transport::Bio {
  static Transport& Of(BIO* bio) { return *static_cast<Transport*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* buffer, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t count = recv(Of(bio).fd_, buffer, static_cast<size_t>(size), 0);
    if (count < 0 && WouldBlock(errno)) BIO_set_retry_read(bio);
    return static_cast<int>(count);
  }

  static int Write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    Transport& transport = Of(bio);
    if (transport.sealing_ || !transport.sealed_.empty()) {  // records keep their order
      transport.sealed_.append(bytes, static_cast<size_t>(size));
      return size;
    }
    const ssize_t count = send(transport.fd_, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (count < 0 && WouldBlock(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(count);
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, BioControl);
      return made;
    }();
    return method;
  }
};

Transport::Transport(int fd, ssl_ctx_st* context) : fd_(fd) {
  if (context == nullptr) return;
  ssl_ = SSL_new(context);
  CHECK(ssl_ != nullptr);
  BIO* bio = BIO_new(Bio::Method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (SSL_is_server(ssl_) == 1) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

Transport::~Transport() {
  SSL_free(ssl_);
  close(fd_);
}

IoResult Transport::TlsOutcome(int returned) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      return {IoResult::Kind::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {IoResult::Kind::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {IoResult::Kind::kEnd};
    default:
      return {IoResult::Kind::kBroken};
  }
}

IoResult Transport::Handshake() {
  if (ssl_ == nullptr) return {IoResult::Kind::kDone};
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_);
  if (returned == 1) return {IoResult::Kind::kDone};
  return TlsOutcome(returned);
}

std::string Transport::HandshakeFailure() const {
  const long verdict = ssl_ != nullptr ? SSL_get_verify_result(ssl_) : X509_V_OK;
  if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
  return openssl::OpenSslError("TLS handshake").message;
}

IoResult Transport::Read(char* buffer, size_t size) {
  if (ssl_ == nullptr) {
    IoResult result = SocketOutcome(recv(fd_, buffer, size, 0), IoResult::Kind::kWantRead);
    if (result.kind == IoResult::Kind::kDone && result.bytes == 0) {
      result.kind = IoResult::Kind::kEnd;
    }
    return result;
  }
  ERR_clear_error();
  size_t count = 0;
  const int returned = SSL_read_ex(ssl_, buffer, size, &count);
  if (returned == 1) return {IoResult::Kind::kDone, count};
  return TlsOutcome(returned);
}

IoResult Transport::Write(std::span<const std::string_view> pieces) {
  if (ssl_ == nullptr) {
    std::array<iovec, 64> vectors;
    const size_t count = std::min(pieces.size(), vectors.size());
    for (size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return SocketOutcome(sendmsg(fd_, &message, MSG_NOSIGNAL), IoResult::Kind::kWantWrite);
  }
  if (!sealed_.empty()) return SendSealed();
  const std::string_view piece = pieces.front().substr(0, kBatchBytes);
  if (piece.size() <= kRecordBytes) return WriteRecord(piece);
  sealed_.reserve(kBatchBytes + kBatchBytes / 64);
  sealing_ = true;
  while (sealed_content_bytes_ < piece.size()) {
    const IoResult result = WriteRecord(piece.substr(sealed_content_bytes_, kRecordBytes));
    if (result.kind != IoResult::Kind::kDone && sealed_content_bytes_ == 0) {
      sealing_ = false;
      return result;
    }
    if (result.kind != IoResult::Kind::kDone) break;  // the next call hears of it
    sealed_content_bytes_ += result.bytes;
  }
  sealing_ = false;
  return SendSealed();
}

IoResult Transport::WriteRecord(std::string_view content) {
  ERR_clear_error();
  size_t count = 0;
  const int returned = SSL_write_ex(ssl_, content.data(), content.size(), &count);
  if (returned == 1) return {IoResult::Kind::kDone, count};
  return TlsOutcome(returned);
}

IoResult Transport::SendSealed() {
  while (sent_bytes_ < sealed_.size()) {
    const ssize_t count =
        send(fd_, sealed_.data() + sent_bytes_, sealed_.size() - sent_bytes_, MSG_NOSIGNAL);
    if (count < 0) return SocketOutcome(count, IoResult::Kind::kWantWrite);
    sent_bytes_ += static_cast<size_t>(count);
    batch_bytes_taken_ += static_cast<uint64_t>(count);
  }
  std::string().swap(sealed_);
  sent_bytes_ = 0;
  return {IoResult::Kind::kDone, std::exchange(sealed_content_bytes_, 0)};
}

bool Transport::HasBuffered() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

void Transport::ShutdownWrite() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    if (!sealed_.empty()) SendSealed();
  }
  shutdown(fd_, SHUT_WR);
}

std::string Transport::VerifiedPeerCertificatePem() const {
  if (ssl_ == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return "";
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return "";
  return openssl::CertificateToPem(certificate).value_or("");
}

}  // namespace wherry::http
