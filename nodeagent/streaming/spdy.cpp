#include "nodeagent/streaming/spdy.h"

#include <zlib.h>

#include <array>
#include <cctype>
#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

constexpr size_t kFrameBytesMax = 1024 * 1024;
constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kHeadersMax = 100;
constexpr size_t kHeadBytes = 8;
constexpr uint16_t kVersion = 3;
constexpr uint8_t kFlagFin = 1;

enum ControlType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
};

// Section 2.6.10.1: words with their length before them, then text.
constexpr const char* kDictionaryWords[] = {"options",
                                            "head",
                                            "post",
                                            "put",
                                            "delete",
                                            "trace",
                                            "accept",
                                            "accept-charset",
                                            "accept-encoding",
                                            "accept-language",
                                            "accept-ranges",
                                            "age",
                                            "allow",
                                            "authorization",
                                            "cache-control",
                                            "connection",
                                            "content-base",
                                            "content-encoding",
                                            "content-language",
                                            "content-length",
                                            "content-location",
                                            "content-md5",
                                            "content-range",
                                            "content-type",
                                            "date",
                                            "etag",
                                            "expect",
                                            "expires",
                                            "from",
                                            "host",
                                            "if-match",
                                            "if-modified-since",
                                            "if-none-match",
                                            "if-range",
                                            "if-unmodified-since",
                                            "last-modified",
                                            "location",
                                            "max-forwards",
                                            "pragma",
                                            "proxy-authenticate",
                                            "proxy-authorization",
                                            "range",
                                            "referer",
                                            "retry-after",
                                            "server",
                                            "te",
                                            "trailer",
                                            "transfer-encoding",
                                            "upgrade",
                                            "user-agent",
                                            "vary",
                                            "via",
                                            "warning",
                                            "www-authenticate",
                                            "method",
                                            "get",
                                            "status",
                                            "200 OK",
                                            "version",
                                            "HTTP/1.1",
                                            "url",
                                            "public",
                                            "set-cookie",
                                            "keep-alive",
                                            "origin"};
constexpr std::string_view kDictionaryText =
    "10010120120220520630030230330430530630740240540640740840941041141241341441541641"
    "7502504505203 Non-Authoritative Information204 No Content301 Moved Permanently40"
    "0 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error"
    "501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept O"
    "ct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,imag"
    "e/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/"
    "javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1"
    ",utf-,*,enq=0.";

void AppendNumber(std::string* out, uint32_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    *out += static_cast<char>((value >> shift) & 0xff);
}

uint32_t Number(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

const std::string& Dictionary() {
  static const std::string dictionary = [] {
    std::string text;
    for (std::string_view word : kDictionaryWords) {
      AppendNumber(&text, static_cast<uint32_t>(word.size()), 4);
      text += word;
    }
    return text.append(kDictionaryText);
  }();
  return dictionary;
}

const Bytef* Bytes(std::string_view text) {
  return static_cast<const Bytef*>(static_cast<const void*>(text.data()));
}

Error Broken(std::string_view what) {
  return MakeError(Reason::kBadRequest, "spdy: " + std::string(what));
}

std::string ControlFrame(uint16_t type, uint8_t flags, std::string_view body) {
  std::string frame;
  AppendNumber(&frame, 0x8000u | kVersion, 2);
  AppendNumber(&frame, type, 2);
  AppendNumber(&frame, flags, 1);
  AppendNumber(&frame, static_cast<uint32_t>(body.size()), 3);
  return frame.append(body);
}

}  // namespace

struct SpdyParser::Inflater {
  Inflater() { ready = ::inflateInit(&stream) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream); }

  Result<std::string> Run(std::string_view block) {
    if (!ready) return Broken("zlib does not start");
    std::string text;
    std::array<char, 4096> chunk;
    stream.next_in = const_cast<Bytef*>(Bytes(block));
    stream.avail_in = static_cast<uInt>(block.size());
    do {
      stream.next_out = static_cast<Bytef*>(static_cast<void*>(chunk.data()));
      stream.avail_out = static_cast<uInt>(chunk.size());
      int status = ::inflate(&stream, Z_SYNC_FLUSH);
      if (status == Z_NEED_DICT) {
        const std::string& dictionary = Dictionary();
        status = ::inflateSetDictionary(&stream, Bytes(dictionary),
                                        static_cast<uInt>(dictionary.size()));
        if (status == Z_OK) continue;
      }
      if (status != Z_OK && status != Z_BUF_ERROR) return Broken("a header block does not inflate");
      text.append(chunk.data(), chunk.size() - stream.avail_out);
      if (text.size() > kHeaderBytesMax) return Broken("a header block is too long");
      if (status == Z_BUF_ERROR) break;
    } while (stream.avail_in > 0 || stream.avail_out == 0);
    return text;
  }

  z_stream stream{};
  bool ready = false;
};

SpdyParser::SpdyParser() : inflater_(std::make_unique<Inflater>()) {}
SpdyParser::~SpdyParser() = default;

Result<std::map<std::string, std::string>> SpdyParser::ReadHeaders(std::string_view block) {
  TRY(std::string text, inflater_->Run(block));
  std::map<std::string, std::string> headers;
  size_t at = 0;
  auto number = [&](uint32_t* value) {
    if (text.size() - at < 4) return false;
    *value = Number(text, at, 4);
    at += 4;
    return true;
  };
  uint32_t count = 0;
  if (!number(&count) || count > kHeadersMax) return Broken("a header block is malformed");
  for (uint32_t i = 0; i < count; ++i) {
    std::string pair[2];
    for (std::string& part : pair) {
      uint32_t length = 0;
      if (!number(&length) || text.size() - at < length)
        return Broken("a header block is malformed");
      part = text.substr(at, length);
      at += length;
    }
    for (char& c : pair[0]) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    headers[pair[0]] = pair[1];
  }
  return headers;
}

Result<std::optional<SpdyFrame>> SpdyParser::Control(uint16_t type, uint8_t flags,
                                                     std::string_view body) {
  SpdyFrame frame;
  frame.last = (flags & kFlagFin) != 0;
  const size_t needed = type == kSynStream ? 10 : type == kRstStream || type == kGoAway ? 8 : 4;
  if (body.size() < needed) return Broken("a control frame is too short");
  frame.stream_id = Number(body, 0, 4) & 0x7fffffff;
  switch (type) {
    case kSynStream: {
      frame.type = SpdyFrame::Type::kSynStream;
      TRY(frame.headers, ReadHeaders(body.substr(10)));
      return std::optional<SpdyFrame>(std::move(frame));
    }
    case kSynReply:
    case kHeaders:
      TRY_STATUS(ReadHeaders(body.substr(4)));
      return std::optional<SpdyFrame>();
    case kRstStream:
      frame.type = SpdyFrame::Type::kReset;
      return std::optional<SpdyFrame>(std::move(frame));
    case kPing:
      frame.type = SpdyFrame::Type::kPing;
      frame.stream_id = Number(body, 0, 4);
      return std::optional<SpdyFrame>(std::move(frame));
    case kGoAway:
      frame.type = SpdyFrame::Type::kGoAway;
      return std::optional<SpdyFrame>(std::move(frame));
    default:
      return std::optional<SpdyFrame>();
  }
}

void SpdyParser::Feed(std::string_view bytes) {
  buffer_.erase(0, std::exchange(taken_, 0));
  buffer_.append(bytes);
}

Result<std::optional<SpdyFrame>> SpdyParser::Next() {
  while (buffer_.size() - taken_ >= kHeadBytes) {
    const std::string_view rest = std::string_view(buffer_).substr(taken_);
    const size_t length = Number(rest, 5, 3);
    if (length > kFrameBytesMax) return Broken("a frame is too long");
    if (rest.size() < kHeadBytes + length) break;
    const bool control = (static_cast<unsigned char>(rest[0]) & 0x80) != 0;
    const auto flags = static_cast<uint8_t>(rest[4]);
    std::string body(rest.substr(kHeadBytes, length));
    const uint32_t id = Number(rest, 0, 4);
    taken_ += kHeadBytes + length;
    if (!control)
      return std::optional<SpdyFrame>(SpdyFrame{.type = SpdyFrame::Type::kData,
                                                .stream_id = id,
                                                .last = (flags & kFlagFin) != 0,
                                                .data = std::move(body)});
    if (((id >> 16) & 0x7fff) != kVersion) return Broken("another version than 3");
    TRY(std::optional<SpdyFrame> frame, Control(static_cast<uint16_t>(id & 0xffff), flags, body));
    if (frame) return frame;
  }
  return std::optional<SpdyFrame>();
}

struct SpdyWriter::Deflater {
  Deflater() {
    ready = ::deflateInit(&stream, Z_BEST_SPEED) == Z_OK;
    const std::string& dictionary = Dictionary();
    if (ready)
      ready = ::deflateSetDictionary(&stream, Bytes(dictionary),
                                     static_cast<uInt>(dictionary.size())) == Z_OK;
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { ::deflateEnd(&stream); }

  std::string Run(std::string_view text) {
    std::string block(::deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = const_cast<Bytef*>(Bytes(text));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = static_cast<Bytef*>(static_cast<void*>(block.data()));
    stream.avail_out = static_cast<uInt>(block.size());
    const int status = ready ? ::deflate(&stream, Z_SYNC_FLUSH) : Z_STREAM_ERROR;
    CHECK(status == Z_OK);
    block.resize(block.size() - stream.avail_out);
    return block;
  }

  z_stream stream{};
  bool ready = false;
};

SpdyWriter::SpdyWriter() : deflater_(std::make_unique<Deflater>()) {}
SpdyWriter::~SpdyWriter() = default;

std::string SpdyWriter::Block(const std::map<std::string, std::string>& headers) {
  std::string text;
  AppendNumber(&text, static_cast<uint32_t>(headers.size()), 4);
  for (const auto& [name, value] : headers) {
    for (const std::string* part : {&name, &value}) {
      AppendNumber(&text, static_cast<uint32_t>(part->size()), 4);
      text += *part;
    }
  }
  return deflater_->Run(text);
}

std::string SpdyWriter::SynReply(uint32_t stream_id) {
  std::string body;
  AppendNumber(&body, stream_id, 4);
  return ControlFrame(kSynReply, 0, body + Block({}));
}

std::string SpdyWriter::SynStream(uint32_t stream_id,
                                  const std::map<std::string, std::string>& headers) {
  std::string body;
  AppendNumber(&body, stream_id, 4);
  AppendNumber(&body, 0, 4);
  AppendNumber(&body, 0, 2);
  return ControlFrame(kSynStream, 0, body + Block(headers));
}

std::string SpdyWriter::Data(uint32_t stream_id, std::string_view data, bool last) {
  std::string frame;
  AppendNumber(&frame, stream_id, 4);
  AppendNumber(&frame, last ? kFlagFin : 0, 1);
  AppendNumber(&frame, static_cast<uint32_t>(data.size()), 3);
  return frame.append(data);
}

std::string SpdyWriter::Ping(uint32_t id) {
  std::string body;
  AppendNumber(&body, id, 4);
  return ControlFrame(kPing, 0, body);
}

std::string SpdyWriter::GoAway(uint32_t last_stream_id) {
  std::string body;
  AppendNumber(&body, last_stream_id, 4);
  AppendNumber(&body, 0, 4);
  return ControlFrame(kGoAway, 0, body);
}

std::string SpdyWriter::Reset(uint32_t stream_id, uint32_t status) {
  std::string body;
  AppendNumber(&body, stream_id, 4);
  AppendNumber(&body, status, 4);
  return ControlFrame(kRstStream, 0, body);
}

}  // namespace wherry::nodeagent::streaming
