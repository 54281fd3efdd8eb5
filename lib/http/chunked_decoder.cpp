#include "lib/http/chunked_decoder.h"

#include <algorithm>

namespace wherry::http {
namespace {

constexpr int kDigitsMax = 15;
// An honest peer's chunk costs some bytes; tiny chunks are not an attack as long as they carry
// content.
constexpr size_t kOverheadPerChunk = 16;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::ChunkedDecoder(size_t body_bytes_max, size_t overhead_bytes_max)
    : body_bytes_max_(body_bytes_max), overhead_bytes_max_(overhead_bytes_max) {}

ChunkedDecoder::Outcome ChunkedDecoder::Feed(std::string_view bytes, std::string& body,
                                             size_t& taken) {
  taken = 0;
  while (taken < bytes.size()) {
    if (state_ == State::kData) {
      const size_t count = std::min<size_t>(size_, bytes.size() - taken);
      body.append(bytes.substr(taken, count));
      taken += count;
      size_ -= count;
      if (size_ == 0) state_ = State::kDataEnd;
      continue;
    }
    const Outcome outcome = FeedByte(bytes[taken++], body.size());
    if (outcome != Outcome::kMore) return outcome;
  }
  return Outcome::kMore;
}

ChunkedDecoder::Outcome ChunkedDecoder::FeedByte(char c, size_t body_bytes) {
  if (++overhead_bytes_ > overhead_bytes_max_) return Outcome::kMalformed;
  const auto expect = [this, c](char wanted, State next) {
    state_ = next;
    return c == wanted ? Outcome::kMore : Outcome::kMalformed;
  };
  switch (state_) {
    case State::kSize:
      return FeedSize(c, body_bytes);
    case State::kExtension:
      if (c == '\n') return Outcome::kMalformed;
      if (c == '\r') state_ = State::kSizeEnd;
      return Outcome::kMore;
    case State::kSizeEnd:
      return expect('\n', size_ == 0 ? State::kTrailer : State::kData);
    case State::kDataEnd:
      return expect('\r', State::kDataLineEnd);
    case State::kDataLineEnd:
      size_ = 0;
      digits_ = 0;
      overhead_bytes_ -= std::min(overhead_bytes_, kOverheadPerChunk);
      return expect('\n', State::kSize);
    case State::kTrailer:
      if (c == '\r') return expect('\r', State::kEnd);
      state_ = State::kTrailerLine;
      return c == '\n' ? Outcome::kMalformed : Outcome::kMore;
    case State::kTrailerLine:
      if (c == '\n') return Outcome::kMalformed;
      if (c == '\r') state_ = State::kTrailerLineEnd;
      return Outcome::kMore;
    case State::kTrailerLineEnd:
      return expect('\n', State::kTrailer);
    case State::kEnd:
      return c == '\n' ? Outcome::kDone : Outcome::kMalformed;
    case State::kData:
      break;
  }
  return Outcome::kMalformed;
}

ChunkedDecoder::Outcome ChunkedDecoder::FeedSize(char c, size_t body_bytes) {
  if (const int digit = HexDigit(c); digit >= 0) {
    size_ = size_ * 16 + static_cast<uint64_t>(digit);
    return ++digits_ > kDigitsMax ? Outcome::kMalformed : Outcome::kMore;
  }
  if (digits_ == 0) return Outcome::kMalformed;
  if (size_ > body_bytes_max_ || body_bytes + size_ > body_bytes_max_) return Outcome::kTooLarge;
  switch (c) {
    case '\r':
      state_ = State::kSizeEnd;
      return Outcome::kMore;
    case ';':
    case ' ':
    case '\t':
      state_ = State::kExtension;
      return Outcome::kMore;
    default:
      return Outcome::kMalformed;
  }
}

}  // namespace wherry::http
