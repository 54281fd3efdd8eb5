#include "lib/http/upgraded_stream.h"

#include "lib/http/connection.h"

#include <utility>

namespace wherry::http {
namespace {

constexpr size_t kHighWater = 256 * 1024;

}  // namespace

UpgradedStream::UpgradedStream(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
UpgradedStream::~UpgradedStream() = default;

Task<Result<std::string>> UpgradedStream::Read() {
  Connection& connection = *connection_;
  while (connection.unparsed_.empty() && !connection.peer_ended_ && !closed_) {
    co_await connection.Changed().Wait();
  }
  if (closed_) co_return std::string();
  std::string bytes = std::exchange(connection.unparsed_, {});
  // Reading stops while a full buffer waits here.
  if (!bytes.empty() && !connection.peer_ended_) connection.WatchForHangup();
  co_return bytes;
}

Task<Status> UpgradedStream::Write(std::string bytes) {
  Connection& connection = *connection_;
  if (closed_ || connection.closed()) {
    co_return MakeError(Reason::kServiceUnavailable, "write: the connection is closed");
  }
  connection.out_.Append(std::move(bytes));
  connection.Flush();
  while (!connection.closed() && connection.out_.bytes() >= kHighWater) {
    co_await connection.Changed().Wait();
  }
  co_return Ok();
}

void UpgradedStream::Close() {
  Connection& connection = *connection_;
  if (std::exchange(closed_, true) || connection.closed()) return;
  connection.keep_alive_ = false;
  connection.response_queued_ = true;
  connection.ScheduleFlush();
  connection.NotifyChanged();
}

}  // namespace wherry::http
