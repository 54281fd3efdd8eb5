#include "lib/http/connection.h"

#include "lib/telemetry/log.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace wherry::http {
namespace {

constexpr telemetry::Logger log("http");
using Kind = IoResult::Kind;

// A peer that pipelines more than this while a request runs is not read from until it has ended.
constexpr size_t kUnparsedMax = 64 * 1024;
// After an error the rest of the request is read and thrown away, up to this, so that the peer
// sees the response and not a reset (RFC 9112 section 9.6): many clients read only once they have
// written everything.
constexpr size_t kLingerBytesMax = 64 * 1024 * 1024;
// Of these, what one turn of the loop takes.
constexpr size_t kLingerTurnBytes = 1024 * 1024;
// A stream may be without end, and its peer gone for good.
constexpr std::chrono::milliseconds kStreamAfterPeersEnd{5000};

Response PlainTextError(int http_status, const Error& error) {
  Response response;
  response.status = http_status;
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  if (error.details.retry_after_seconds > 0) {
    response.headers.Set("Retry-After", std::to_string(error.details.retry_after_seconds));
  }
  response.body = error.message + "\n";
  return response;
}

}  // namespace

Connection::Connection(ConnectionContext& context, int fd, ssl_ctx_st* tls,
                       std::string peer_address, std::function<void()> on_closed)
    : context_(context),
      transport_(fd, tls),
      watcher_(
          context.loop, fd, [this] { OnReadable(); }, [this] { OnWritable(); }),
      peer_address_(std::move(peer_address)),
      on_closed_(std::move(on_closed)) {}

Connection::~Connection() = default;

void Connection::Start() {
  SetDeadline(context_.options.handshake_timeout);
  Handshake();
}

Notifier& Connection::Changed() {
  if (!changed_) changed_ = std::make_unique<Notifier>(context_.loop);
  return *changed_;
}

void Connection::NotifyChanged() {
  if (changed_) changed_->Notify();
}

void Connection::SetDeadline(std::chrono::milliseconds from_now) {
  deadline_ = context_.loop.MonotonicNow() + from_now;
}

void Connection::SetLastDeadline() {
  const auto patience = context_.options.write_timeout;
  SetDeadline(streaming_ ? std::min(kStreamAfterPeersEnd, patience) : patience);
}

std::optional<Connection::Idle> Connection::idle() const {
  // One that only throws away what comes is done with.
  if (state_ == State::kLingering) return Idle{.asked = false, .until = deadline_};
  if (state_ != State::kHandshake && (state_ != State::kReading || parser_)) return std::nullopt;
  return Idle{.asked = asked_, .until = deadline_};
}

void Connection::CheckDeadline(MonotonicTime now) {
  if (now < deadline_) return;
  if (state_ == State::kReading && parser_) {
    Fail({408, MakeError(Reason::kTimeout, "timed out reading the request")});
  } else {
    Close();
  }
}

void Connection::Drain() {
  last_ = true;
  if (state_ == State::kHandshake || (state_ == State::kReading && !parser_)) Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  HoldBody(0);
  deadline_ = MonotonicTime::max();
  peer_ended_ = true;
  transport_.ShutdownWrite();
  // Whoever waits on an upgraded stream sees its end; the server lets go in a later turn.
  NotifyChanged();
  on_closed_();
}

void Connection::OnReadable() {
  switch (state_) {
    case State::kHandshake:
      return Handshake();
    case State::kReading:
      return ReadRequests();
    case State::kHandling:
    case State::kUpgraded:
    case State::kWriting:
      return WatchForHangup();
    case State::kLingering:
      return Linger();
    case State::kClosed:
      return;
  }
}

void Connection::OnWritable() {
  if (state_ == State::kHandshake) return Handshake();
  if (state_ == State::kLingering) return Linger();
  if (state_ != State::kClosed) Flush();
}

void Connection::Handshake() {
  switch (transport_.Handshake().kind) {
    case Kind::kDone:
      client_certificate_pem_ = transport_.VerifiedPeerCertificatePem();
      state_ = State::kReading;
      SetDeadline(context_.options.head_timeout);
      return ReadRequests();
    case Kind::kWantRead:
      return watcher_.WaitReadable();
    case Kind::kWantWrite:
      return watcher_.WaitWritable();
    case Kind::kEnd:
    case Kind::kBroken:
      return Close();
  }
}

void Connection::ReadRequests() {
  if (!unparsed_.empty()) {
    const std::string bytes = std::exchange(unparsed_, {});
    if (!FeedParser(bytes)) return;
  }
  std::string& scratch = context_.read_scratch;
  while (state_ == State::kReading) {
    const IoResult result = transport_.Read(scratch.data(), scratch.size());
    switch (result.kind) {
      case Kind::kDone: {
        const std::string_view fresh(scratch.data(), result.bytes);
        if (unparsed_.empty()) {
          if (!FeedParser(fresh)) return;
        } else {
          std::string bytes = std::exchange(unparsed_, {});
          bytes += fresh;
          if (!FeedParser(bytes)) return;
        }
        // A short read has emptied the socket: no need to ask again only to hear so.
        if (result.bytes < scratch.size() && !transport_.HasBuffered()) {
          return watcher_.WaitReadable();
        }
        break;
      }
      case Kind::kWantRead:
        return watcher_.WaitReadable();
      case Kind::kWantWrite:
        return watcher_.WaitWritable();
      case Kind::kEnd:
      case Kind::kBroken:
        return Close();
    }
  }
}

bool Connection::FeedParser(std::string_view bytes) {
  if (!parser_) {
    // Empty lines before a request are skipped (RFC 9112 section 2.2).
    while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    if (bytes.empty()) return true;
    parser_ = std::make_unique<RequestParser>(
        RequestParser::Limits{context_.options.head_bytes_max, context_.options.body_bytes_max});
    SetDeadline(context_.options.head_timeout);
    continue_sent_ = false;
  }
  const bool head_was_done = parser_->head_done();
  const size_t taken = parser_->Feed(bytes);
  unparsed_.assign(bytes.substr(taken));
  if (const RequestParser::Failure* failure = parser_->failure()) {
    Fail(*failure);
    return false;
  }
  if (parser_->done()) {
    Dispatch();
    return false;
  }
  if (parser_->head_done() && !MayReadBody(!head_was_done)) return false;
  if (parser_->head_done() && parser_->expects_continue() && unparsed_.empty() &&
      !std::exchange(continue_sent_, true)) {
    out_.Append(std::string("HTTP/1.1 100 Continue\r\n\r\n"));
    Flush();
  }
  return state_ == State::kReading;
}

bool Connection::MayReadBody(bool head_is_new) {
  if (head_is_new) {
    SetDeadline(context_.options.body_timeout);
    SetPeer(parser_->request());
    if (auto refusal = context_.handler.Refuse(parser_->request())) {
      AnswerEarly(std::move(*refusal));
      return false;
    }
  }
  HoldBody(parser_->body_bytes());
  if (context_.body_bytes <= context_.options.bodies_bytes_max) return true;
  Error error = MakeError(Reason::kTooManyRequests, "too many requests, please try again later");
  error.details.retry_after_seconds = 1;
  Fail({429, std::move(error)});
  return false;
}

void Connection::HoldBody(size_t bytes) {
  context_.body_bytes += bytes - std::exchange(held_bytes_, bytes);
}

void Connection::SetPeer(Request& request) const {
  request.peer_address = peer_address_;
  request.tls_client_certificate_pem = client_certificate_pem_;
}

void Connection::Dispatch() {
  state_ = State::kHandling;
  asked_ = true;
  streaming_ = false;
  deadline_ = MonotonicTime::max();
  if (peer_ended_) SetLastDeadline();
  HoldBody(parser_->body_bytes());
  Request request = parser_->Take();
  keep_alive_ = parser_->keep_alive() && !last_;
  http_1_0_ = parser_->is_http_1_0();
  is_head_ = request.method == "HEAD";
  response_queued_ = false;
  chunked_ = false;
  parser_.reset();
  SetPeer(request);
  task_ = Serve(std::move(request));
  task_.Start();
  // Still running: hear of a peer that goes away.
  if (state_ != State::kHandling || peer_ended_) return;
  if (transport_.HasBuffered()) return WatchForHangup();
  watcher_.WaitReadable();
}

Task<void> Connection::Serve(Request request) {
  bool answered = false;
  try {
    auto handling = context_.handler.Handle(std::move(request));
    Response response = co_await std::move(handling);
    answered = true;
    HoldBody(0);
    if (state_ == State::kClosed) co_return;
    if (response.upgrade) {
      auto upgrading = SendUpgrade(std::move(response));
      co_await std::move(upgrading);
    } else if (response.stream) {
      auto streaming = SendStream(std::move(response));
      co_await std::move(streaming);
    } else {
      SendWhole(std::move(response));
    }
    co_return;
  } catch (const std::exception& exception) {
    log.Error("handler threw", {{"what", exception.what()}});
  } catch (...) {
    log.Error("handler threw", {{"what", "something that is no std::exception"}});
  }
  HoldBody(0);
  if (state_ == State::kClosed) co_return;
  // In the middle of a body or a conversation only its end can tell.
  if (answered) co_return Close();
  const Error error = MakeError(Reason::kInternalError, "internal error");
  SendWhole(context_.options.format_error ? context_.options.format_error(500, error)
                                          : PlainTextError(500, error));
}

void Connection::Fail(const RequestParser::Failure& failure) {
  AnswerEarly(context_.options.format_error
                  ? context_.options.format_error(failure.http_status, failure.error)
                  : PlainTextError(failure.http_status, failure.error));
}

void Connection::AnswerEarly(Response response) {
  parser_.reset();
  HoldBody(0);
  unparsed_ = {};
  keep_alive_ = false;
  is_head_ = false;
  rest_unread_ = true;
  SetDeadline(context_.options.write_timeout);
  SendWhole(std::move(response));
}

void Connection::NextRequest() {
  if (last_) return Close();
  state_ = State::kReading;
  SetDeadline(context_.options.idle_timeout);
  if (unparsed_.empty() && !transport_.HasBuffered()) return watcher_.WaitReadable();
  // Not from inside the task that has just answered.
  context_.loop.Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (self && self->state_ == State::kReading) self->ReadRequests();
  });
}

void Connection::WatchForHangup() {
  if (peer_ended_ && state_ != State::kUpgraded) return;
  std::string& scratch = context_.read_scratch;
  while (unparsed_.size() < kUnparsedMax) {
    const IoResult result = transport_.Read(scratch.data(), scratch.size());
    if (result.kind == Kind::kDone) {
      unparsed_.append(scratch.data(), result.bytes);
      NotifyChanged();
      continue;
    }
    if (result.kind == Kind::kWantRead) return watcher_.WaitReadable();
    if (result.kind == Kind::kWantWrite) return watcher_.WaitWritable();
    peer_ended_ = true;
    NotifyChanged();
    if (result.kind == Kind::kBroken) return Close();
    // A peer that has said all it wants to say may still listen; an upgraded stream sees to it
    // itself.
    if (state_ != State::kUpgraded) SetLastDeadline();
    return;
  }
}

void Connection::Linger() {
  std::string& scratch = context_.read_scratch;
  const size_t turn_end = lingered_bytes_ + kLingerTurnBytes;
  while (lingered_bytes_ < kLingerBytesMax) {
    const IoResult result = transport_.Read(scratch.data(), scratch.size());
    if (result.kind == Kind::kWantRead) return watcher_.WaitReadable();
    if (result.kind != Kind::kDone) break;
    lingered_bytes_ += result.bytes;
    deadline_ = std::min(linger_until_, context_.loop.MonotonicNow() + kLingerSilence);
    if (lingered_bytes_ < turn_end) continue;
    return context_.loop.Post([weak = weak_from_this()] {
      auto self = weak.lock();
      if (self && self->state_ == State::kLingering) self->Linger();
    });
  }
  Close();
}

}  // namespace wherry::http
