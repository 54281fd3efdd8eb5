#include "lib/http/connection.h"
#include "lib/http/upgraded_stream.h"
#include "lib/telemetry/log.h"

#include <array>
#include <charconv>
#include <utility>

// The half of a Connection that writes: whole responses, streams, upgrades.
namespace wherry::http {
namespace {

constexpr telemetry::Logger log("http");
using Kind = IoResult::Kind;

// A stream is not pulled from while more than this waits for the peer.
constexpr size_t kOutHighWater = 256 * 1024;

bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

size_t BodyBytes(const Response& response) {
  return response.shared_body ? response.shared_body->size() : response.body.size();
}

}  // namespace

void Connection::SendWhole(Response response) {
  const size_t body_bytes = BodyBytes(response);
  const Framing framing = HasNoBody(response.status) ? Framing::kNone : Framing::kLength;
  const bool with_body = !is_head_ && framing == Framing::kLength;
  const bool keep_alive = keep_alive_ && !last_;
  keep_alive_ = keep_alive;
  std::string& scratch = context_.write_scratch;
  scratch.clear();
  AppendResponseHead(response, framing, body_bytes, keep_alive, context_.date, scratch);
  response_queued_ = true;
  state_ = State::kWriting;
  const std::string_view body = !with_body             ? std::string_view()
                                : response.shared_body ? std::string_view(*response.shared_body)
                                                       : std::string_view(response.body);
  // Small responses leave in one record and one system call, without being queued.
  if (out_.empty() && scratch.size() + body.size() <= Transport::kRecordBytes) {
    scratch += body;
    const std::array<std::string_view, 1> whole = {scratch};
    const IoResult result = transport_.Write(whole);
    if (result.kind == Kind::kDone && result.bytes == scratch.size()) return ResponseDone();
    if (result.kind == Kind::kBroken || result.kind == Kind::kEnd) return Close();
    out_.Append(scratch.substr(result.bytes));
    return Flush();
  }
  out_.Append(scratch);
  if (with_body && response.shared_body) {
    out_.Append(std::move(response.shared_body));
  } else if (with_body) {
    out_.Append(std::move(response.body));
  }
  Flush();
}

Task<void> Connection::SendStream(Response response) {
  chunked_ = !http_1_0_;
  streaming_ = true;
  if (peer_ended_) SetLastDeadline();
  if (http_1_0_) keep_alive_ = false;
  keep_alive_ = keep_alive_ && !last_;
  std::string head;
  AppendResponseHead(response, chunked_ ? Framing::kChunked : Framing::kUntilClose, 0, keep_alive_,
                     context_.date, head);
  out_.Append(std::move(head));
  ScheduleFlush();
  while (!is_head_) {
    auto pulling = response.stream->Next();
    auto chunk = co_await std::move(pulling);
    if (state_ == State::kClosed) co_return;
    if (!chunk.ok()) {
      log.Debug("stream broken off", {{"error", chunk.error().message}});
      Flush();
      co_return Close();
    }
    if (!*chunk) break;
    if (const auto& bytes = (*chunk)->bytes; bytes && !bytes->empty()) {
      ready_chunks_.push_back(bytes);
      ready_bytes_ += bytes->size();
      ScheduleFlush();
    }
    if (ready_bytes_ + out_.bytes() >= kOutHighWater) Flush();
    while (state_ != State::kClosed && ready_bytes_ + out_.bytes() >= kOutHighWater) {
      co_await Changed().Wait();
    }
    if (state_ == State::kClosed) co_return;
  }
  QueueChunks();
  if (chunked_ && !is_head_) out_.Append(std::string("0\r\n\r\n"));
  response_queued_ = true;
  ScheduleFlush();
}

Task<void> Connection::SendUpgrade(Response response) {
  std::string head;
  AppendResponseHead(response, Framing::kNone, 0, true, context_.date, head);
  out_.Append(std::move(head));
  state_ = State::kUpgraded;
  Flush();
  if (state_ == State::kClosed) co_return;
  WatchForHangup();
  auto running = response.upgrade->Run(std::make_unique<UpgradedStream>(shared_from_this()));
  co_await std::move(running);
  // What has been written must still leave.
  keep_alive_ = false;
  response_queued_ = true;
  ScheduleFlush();
}

void Connection::QueueChunks() {
  if (ready_chunks_.empty()) return;
  if (chunked_) {
    std::array<char, 20> size;
    const auto end = std::to_chars(size.data(), size.data() + size.size() - 2, ready_bytes_, 16);
    out_.Append(std::string(size.data(), end.ptr) + "\r\n");
  }
  for (auto& chunk : ready_chunks_) out_.Append(std::move(chunk));
  if (chunked_) out_.Append(std::string("\r\n"));
  ready_chunks_ = {};
  ready_bytes_ = 0;
}

void Connection::ScheduleFlush() {
  if (std::exchange(flush_scheduled_, true)) return;
  context_.loop.Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->flush_scheduled_ = false;
    if (self->state_ != State::kClosed) self->Flush();
  });
}

void Connection::Flush() {
  const size_t before = ready_bytes_ + out_.bytes();
  QueueChunks();
  const size_t queued = out_.bytes();
  const uint64_t taken = transport_.batch_bytes_taken();
  const Kind outcome = out_.WriteTo(transport_);
  if (outcome == Kind::kEnd || outcome == Kind::kBroken) return Close();
  if (before >= kOutHighWater && out_.bytes() < kOutHighWater) NotifyChanged();
  if (outcome == Kind::kDone) {
    if (state_ == State::kReading) return;  // "100 Continue"
    if (!peer_ended_) deadline_ = MonotonicTime::max();
    if (response_queued_) ResponseDone();
    return;
  }
  const bool progress = out_.bytes() < queued || transport_.batch_bytes_taken() != taken ||
                        deadline_ == MonotonicTime::max();
  if (progress && state_ != State::kReading) SetDeadline(context_.options.write_timeout);
  if (outcome == Kind::kWantWrite) return watcher_.WaitWritable();
  watcher_.WaitReadable();
}

void Connection::ResponseDone() {
  response_queued_ = false;
  if (keep_alive_ && (!peer_ended_ || !unparsed_.empty())) return NextRequest();
  if (!rest_unread_ || peer_ended_) return Close();
  // The peer is still sending: let it read our answer before the socket goes.
  transport_.ShutdownWrite();
  state_ = State::kLingering;
  lingered_bytes_ = 0;
  linger_until_ = context_.loop.MonotonicNow() + kLingerTime;
  SetDeadline(kLingerSilence);
  Linger();
}

}  // namespace wherry::http
