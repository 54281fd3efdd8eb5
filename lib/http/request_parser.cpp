#include "lib/http/request_parser.h"

#include "lib/http/chunked_decoder.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <optional>

namespace wherry::http {
namespace {

namespace beast = boost::beast;
using BeastError = beast::error_code;

constexpr size_t kBeastSlack = 64;
constexpr size_t kBodyReserveMax = 64 * 1024;  // what is announced may never come

std::string ToString(beast::string_view text) { return std::string(text.data(), text.size()); }

// RFC 9112 section 3.2: servers take the absolute form too ("http://host/path"), and "*". Anything
// else that is not a path is "".
std::string OriginForm(std::string target) {
  if (target.starts_with('/') || target == "*") return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!beast::iequals(beast::string_view(target).substr(0, scheme.size()),
                        beast::string_view(scheme.data(), scheme.size()))) {
      continue;
    }
    const size_t path = target.find_first_of("/?", scheme.size());
    if (path == std::string::npos) return "/";
    return target[path] == '?' ? "/" + target.substr(path) : target.substr(path);
  }
  return "";
}

}  // namespace

class RequestParser::Impl : public beast::http::basic_parser<true> {
 public:
  explicit Impl(const Limits& limits)
      : limits_(limits), chunks_(limits.body_bytes_max, limits.head_bytes_max) {
    // Ours is exact; Beast's depends on how the bytes come.
    header_limit(static_cast<std::uint32_t>(limits.head_bytes_max + kBeastSlack));
    body_limit(limits.body_bytes_max);
  }

  size_t Feed(std::string_view bytes) {
    size_t taken = 0;
    if (state_ == State::kHead) taken = FeedHead(bytes);
    if (state_ == State::kBody) taken += FeedBody(bytes.substr(taken));
    if (state_ == State::kChunks) taken += FeedChunks(bytes.substr(taken));
    return taken;
  }

  enum class State { kHead, kBody, kChunks, kDone, kFailed };
  State state_ = State::kHead;
  std::optional<Failure> failure_;
  Request request_;
  int version_ = 11;
  bool expects_continue_ = false;

 private:
  void Fail(int http_status, Reason reason, std::string message) {
    if (!failure_) failure_ = Failure{http_status, MakeError(reason, std::move(message))};
    state_ = State::kFailed;
  }
  void FailTooLarge() {
    Fail(413, Reason::kRequestEntityTooLarge, "limit is " + std::to_string(limits_.body_bytes_max));
  }

  // Beast reads the head. The body is ours: Beast 1.74 asserts on a last chunk that comes in two
  // reads.
  size_t FeedHead(std::string_view bytes) {
    BeastError error;
    size_t taken = 0;
    // The request line and the fields are separate steps.
    while (!is_header_done() && !error && taken < bytes.size()) {
      taken += put(boost::asio::const_buffer(bytes.data() + taken, bytes.size() - taken), error);
    }
    head_bytes_ += taken;
    const bool incomplete = error == beast::http::error::need_more;
    const size_t known = head_bytes_ + (incomplete ? bytes.size() - taken : 0);
    if (known > limits_.head_bytes_max) {
      Fail(431, Reason::kBadRequest, "request header fields too large");
    } else if (error && !incomplete) {
      FailOn(error);
    } else if (is_header_done()) {
      StartBody();
    }
    return taken;
  }
  void StartBody() {
    left_ = content_length() ? *content_length() : 0;
    request_.body.reserve(std::min<size_t>(left_, kBodyReserveMax));
    state_ = chunked() ? State::kChunks : left_ > 0 ? State::kBody : State::kDone;
  }
  size_t FeedBody(std::string_view bytes) {
    const size_t count = std::min<size_t>(left_, bytes.size());
    request_.body.append(bytes.substr(0, count));
    left_ -= count;
    if (left_ == 0) state_ = State::kDone;
    return count;
  }
  size_t FeedChunks(std::string_view bytes) {
    size_t taken = 0;
    switch (chunks_.Feed(bytes, request_.body, taken)) {
      case ChunkedDecoder::Outcome::kMore:
        break;
      case ChunkedDecoder::Outcome::kDone:
        state_ = State::kDone;
        break;
      case ChunkedDecoder::Outcome::kMalformed:
        Fail(400, Reason::kBadRequest, "malformed request: bad chunk");
        break;
      case ChunkedDecoder::Outcome::kTooLarge:
        FailTooLarge();
        break;
    }
    return taken;
  }

  void FailOn(const BeastError& error) {
    if (error == beast::http::error::body_limit) {
      FailTooLarge();
    } else if (error == beast::http::error::header_limit) {
      Fail(431, Reason::kBadRequest, "request header fields too large");
    } else if (error == beast::http::error::bad_version) {
      Fail(505, Reason::kBadRequest, "HTTP version not supported");
    } else {
      Fail(400, Reason::kBadRequest, "malformed request: " + error.message());
    }
  }

  void on_request_impl(beast::http::verb /*method*/, beast::string_view method,
                       beast::string_view target, int version, BeastError& error) override {
    request_.method = ToString(method);
    request_.target = OriginForm(ToString(target));
    version_ = version;
    if (request_.target.empty()) {
      Fail(400, Reason::kBadRequest, "malformed request: bad target");
      error = beast::http::error::bad_target;
    }
  }
  void on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/,
                        BeastError& /*error*/) override {}
  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value,
                     BeastError& error) override {
    switch (field) {
      case beast::http::field::transfer_encoding:
        // RFC 9112 section 6.1: what we cannot undo we must not guess the end of.
        if (!beast::iequals(value, "chunked") || version_ < 11) {
          Fail(501, Reason::kBadRequest, "transfer encoding not supported");
          error = beast::http::error::bad_transfer_encoding;
        }
        break;
      case beast::http::field::expect:
        expects_continue_ = beast::iequals(value, "100-continue");
        break;
      case beast::http::field::host:
        if (request_.headers.Has("Host")) {
          Fail(400, Reason::kBadRequest, "malformed request: more than one Host");
          error = beast::http::error::bad_field;
        }
        break;
      default:
        break;
    }
    request_.headers.Add(ToString(name), ToString(value));
  }
  void on_header_impl(BeastError& error) override {
    if (version_ >= 11 && !request_.headers.Has("Host")) {
      Fail(400, Reason::kBadRequest, "malformed request: no Host");
      error = beast::http::error::bad_field;
    }
  }
  // Not reached: Beast sees no body.
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         BeastError& /*error*/) override {}
  size_t on_body_impl(beast::string_view bytes, BeastError& /*error*/) override {
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view /*extensions*/,
                            BeastError& /*error*/) override {}
  size_t on_chunk_body_impl(std::uint64_t /*remain*/, beast::string_view bytes,
                            BeastError& /*error*/) override {
    return bytes.size();
  }
  void on_finish_impl(BeastError& /*error*/) override {}

  Limits limits_;
  size_t head_bytes_ = 0;
  ChunkedDecoder chunks_;
  uint64_t left_ = 0;  // of a body of known length
};

RequestParser::RequestParser(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;

size_t RequestParser::Feed(std::string_view bytes) { return impl_->Feed(bytes); }
bool RequestParser::done() const { return impl_->state_ == Impl::State::kDone; }
const RequestParser::Failure* RequestParser::failure() const {
  return impl_->failure_ ? &*impl_->failure_ : nullptr;
}
bool RequestParser::head_done() const { return impl_->is_header_done(); }
bool RequestParser::expects_continue() const {
  return impl_->expects_continue_ && impl_->version_ >= 11;
}
bool RequestParser::keep_alive() const { return impl_->version_ >= 11 && impl_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return impl_->version_ < 11; }
size_t RequestParser::body_bytes() const { return impl_->request_.body.size(); }
Request& RequestParser::request() { return impl_->request_; }
Request RequestParser::Take() { return std::move(impl_->request_); }

}  // namespace wherry::http
