#pragma once

#include "lib/base/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// SPDY/3.1 frames, as far as kubectl's exec, attach and port-forward speak them. Pure but for
// zlib's state. Source: SPDY Protocol Draft 3.1; github.com/moby/spdystream for what its clients
// send.
namespace wherry::nodeagent::streaming {

struct SpdyFrame {
  enum class Type { kData, kSynStream, kReset, kPing, kGoAway };
  Type type = Type::kData;
  uint32_t stream_id = 0;  // of a ping: its id
  bool last = false;       // no more from the sender on this stream
  std::string data;
  std::map<std::string, std::string> headers;  // of kSynStream; names in lower case
};

// Cuts what a peer sends into frames; frames that need no answer (settings, windows, headers,
// noop) are passed over, their header blocks read all the same: they share one zlib stream.
class SpdyParser {
 public:
  SpdyParser();
  ~SpdyParser();
  SpdyParser(const SpdyParser&) = delete;
  SpdyParser& operator=(const SpdyParser&) = delete;

  void Feed(std::string_view bytes);
  // The next frame, nullopt until there is one. Errors: kBadRequest for a malformed frame, one of
  // more than 1 MiB, or a header block of more than 64 KiB. No use after an error.
  Result<std::optional<SpdyFrame>> Next();

 private:
  struct Inflater;
  Result<std::map<std::string, std::string>> ReadHeaders(std::string_view block);
  Result<std::optional<SpdyFrame>> Control(uint16_t type, uint8_t flags, std::string_view body);

  std::string buffer_;
  size_t taken_ = 0;  // of buffer_
  std::unique_ptr<Inflater> inflater_;
};

// Makes frames; header blocks share one zlib stream.
class SpdyWriter {
 public:
  SpdyWriter();
  ~SpdyWriter();
  SpdyWriter(const SpdyWriter&) = delete;
  SpdyWriter& operator=(const SpdyWriter&) = delete;

  // The answer to a SYN_STREAM, without headers.
  std::string SynReply(uint32_t stream_id);
  static std::string Data(uint32_t stream_id, std::string_view data, bool last);
  static std::string Ping(uint32_t id);
  static std::string GoAway(uint32_t last_stream_id);
  // RST_STREAM; `status` as section 2.6.3 numbers them.
  static std::string Reset(uint32_t stream_id, uint32_t status);

  // For a client's side, in tests.
  std::string SynStream(uint32_t stream_id, const std::map<std::string, std::string>& headers);

 private:
  struct Deflater;
  std::string Block(const std::map<std::string, std::string>& headers);
  std::unique_ptr<Deflater> deflater_;
};

}  // namespace wherry::nodeagent::streaming
