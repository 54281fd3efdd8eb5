#pragma once

#include "lib/base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace wherry::http {

// What a non-blocking call came to.
struct IoResult {
  enum class Kind { kDone, kWantRead, kWantWrite, kEnd, kBroken };
  Kind kind = Kind::kDone;
  size_t bytes = 0;
};

// The bytes of one connection, over plain TCP or TLS; owns the socket. Never blocks.
class Transport {
 public:
  // A TLS record's content; a write of no more goes out as one record.
  static constexpr size_t kRecordBytes = 16 * 1024;
  // As much content leaves in one system call: the peer is woken once for all of its records.
  static constexpr size_t kBatchBytes = 4 * kRecordBytes;

  // `context` is null for plain TCP and outlives the transport otherwise; it says whether this end
  // is the server or the client.
  Transport(int fd, ssl_ctx_st* context);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  int fd() const { return fd_; }
  bool is_tls() const { return ssl_ != nullptr; }

  // kDone once the handshake has ended (at once for plain TCP).
  IoResult Handshake();
  // Why a client's handshake has just broken.
  std::string HandshakeFailure() const;
  // kEnd at the peer's end of stream.
  IoResult Read(char* buffer, size_t size);
  // Writes the pieces in order as far as the socket takes them. TLS takes the first piece only, at
  // most a batch of it; after kWantWrite the next call must begin with the same bytes.
  IoResult Write(std::span<const std::string_view> pieces);
  // How many bytes of batches the socket has taken: one that leaves in parts moves this first.
  uint64_t batch_bytes_taken() const { return batch_bytes_taken_; }
  // Whether bytes are at hand that no readiness of the fd will announce.
  bool HasBuffered() const;
  // Says that no more will be written (close_notify, FIN), as far as that goes without waiting.
  void ShutdownWrite();

  // The peer's certificate if the listener's CAs vouch for it, else "".
  std::string VerifiedPeerCertificatePem() const;

 private:
  struct Bio;

  IoResult TlsOutcome(int returned);
  IoResult WriteRecord(std::string_view content);
  // kDone, with the bytes of content, once all sealed records have left.
  IoResult SendSealed();

  int fd_;
  ssl_st* ssl_ = nullptr;
  bool sealing_ = false;
  std::string sealed_;  // records that wait for the socket, of which sent_bytes_ have left
  size_t sent_bytes_ = 0;
  size_t sealed_content_bytes_ = 0;
  uint64_t batch_bytes_taken_ = 0;
};

}  // namespace wherry::http
