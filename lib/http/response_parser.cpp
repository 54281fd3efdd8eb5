#include "lib/http/response_parser.h"

#include "lib/http/chunked_decoder.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace wherry::http {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

Error NoResponse(std::string_view why) {
  return MakeError(Reason::kServiceUnavailable, "read response: " + std::string(why));
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// "HTTP/1.1 101 Switching Protocols" and the fields below it.
Result<Response> ParseHead(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr size_t kStatusAt = 9;
  Response response;
  const size_t first = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, first);
  if (!line.starts_with(kVersion) || line.size() < kStatusAt + 3 || line[kStatusAt - 1] != ' ') {
    return NoResponse("no status line");
  }
  const char* digits = line.data() + kStatusAt;
  const auto [end, error] = std::from_chars(digits, digits + 3, response.status);
  const bool separated = line.size() == kStatusAt + 3 || line[kStatusAt + 3] == ' ';
  if (error != std::errc() || end != digits + 3 || response.status < 100 || !separated) {
    return NoResponse("no status code");
  }
  head.remove_prefix(std::min(first + 2, head.size()));
  while (!head.empty()) {
    const size_t stop = std::min(head.find("\r\n"), head.size());
    const std::string_view field = head.substr(0, stop);
    head.remove_prefix(std::min(stop + 2, head.size()));
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        field.find('\n') != std::string_view::npos) {
      return NoResponse("a malformed field");
    }
    response.headers.Add(std::string(field.substr(0, colon)),
                         std::string(Trimmed(field.substr(colon + 1))));
  }
  return response;
}

}  // namespace

Status ResponseParser::Feed(std::string_view bytes) {
  buffer_ += bytes;
  while (state_ == State::kHead) {
    const size_t end = buffer_.find(kHeadEnd);
    if (end == std::string::npos) {
      if (buffer_.size() > limits_.head_bytes_max) return NoResponse("its head is too long");
      return Ok();
    }
    if (end > limits_.head_bytes_max) return NoResponse("its head is too long");
    TRY_STATUS(ReadHead());
  }
  return ReadBody();
}

Status ResponseParser::ReadHead() {
  const size_t end = buffer_.find(kHeadEnd);
  TRY(response_, ParseHead(std::string_view(buffer_).substr(0, end)));
  buffer_.erase(0, end + kHeadEnd.size());
  if (response_.status == 101) {
    state_ = State::kDone;
  } else if (response_.status < 200) {
    return Ok();  // interim
  } else if (response_.status == 204 || response_.status == 304) {
    state_ = State::kDone;
  } else if (response_.headers.Has("Transfer-Encoding")) {
    state_ = State::kChunks;
  } else if (response_.headers.Has("Content-Length")) {
    const std::string_view text = response_.headers.Get("Content-Length");
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), length_);
    if (error != std::errc() || stop != text.data() + text.size()) {
      return NoResponse("a malformed Content-Length");
    }
    length_ = std::min(length_, limits_.body_bytes_max);
    state_ = State::kLength;
  } else {
    state_ = State::kUntilEnd;
  }
  return Ok();
}

Status ResponseParser::ReadBody() {
  if (state_ == State::kLength && buffer_.size() >= length_) {
    response_.body = buffer_.substr(0, length_);
    buffer_.erase(0, length_);
    state_ = State::kDone;
  } else if (state_ == State::kUntilEnd && buffer_.size() >= limits_.body_bytes_max) {
    response_.body = std::exchange(buffer_, {}).substr(0, limits_.body_bytes_max);
    state_ = State::kDone;
  } else if (state_ == State::kChunks) {
    // From the beginning each time: error bodies are short.
    ChunkedDecoder decoder(limits_.body_bytes_max, limits_.head_bytes_max);
    std::string body;
    size_t taken = 0;
    const auto outcome = decoder.Feed(buffer_, body, taken);
    if (outcome == ChunkedDecoder::Outcome::kMalformed) return NoResponse("a malformed chunk");
    if (outcome == ChunkedDecoder::Outcome::kMore) return Ok();
    response_.body = std::move(body);
    buffer_.erase(0, taken);
    state_ = State::kDone;
  }
  return Ok();
}

Status ResponseParser::FeedEnd() {
  if (state_ == State::kUntilEnd) {
    response_.body = std::exchange(buffer_, {});
    state_ = State::kDone;
  }
  if (!done()) return NoResponse("the connection ended in the middle");
  return Ok();
}

}  // namespace wherry::http
