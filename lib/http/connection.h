#pragma once

#include "lib/http/fd_watcher.h"
#include "lib/http/message.h"
#include "lib/http/out_buffer.h"
#include "lib/http/request_parser.h"
#include "lib/http/response_head.h"
#include "lib/http/server.h"
#include "lib/http/transport.h"
#include "lib/loop/sync.h"

#include <chrono>
#include <compare>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;

namespace wherry::http {

// A peer that has its answer and goes on sending its request is listened to for so long in all, and
// as long as it sends anything.
inline constexpr std::chrono::milliseconds kLingerTime{30'000};
inline constexpr std::chrono::milliseconds kLingerSilence{2000};

// What a server's connections share.
struct ConnectionContext {
  Loop& loop;
  Handler& handler;
  const ServerOptions& options;
  // One read goes here; what must stay is copied out before the turn ends.
  std::string read_scratch;
  std::string write_scratch;
  std::string date;       // of this second
  size_t body_bytes = 0;  // of requests that are being read or handled
};

// One accepted connection: handshake, then request after request, until either side ends it.
//
//   handshake → reading ⇄ handling → (writing | streaming) → reading …
//                            └→ upgraded → closed
//
// Loop thread; shared by its server and, after an upgrade, the ByteStream. A request's task is
// destroyed with the connection, and the server lets go of it when closed() holds.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Takes the socket. `tls` is null for plain TCP.
  Connection(ConnectionContext& context, int fd, ssl_ctx_st* tls, std::string peer_address,
             std::function<void()> on_closed);
  ~Connection();

  void Start();
  bool closed() const { return state_ == State::kClosed; }
  // Closes when its deadline has passed.
  void CheckDeadline(MonotonicTime now);
  // Closes if no request is running; otherwise the running one is the last.
  void Drain();
  // At once.
  void Close();
  // While it is asked nothing: since when, ordered by who should go first when there are too many;
  // those that never asked anything come before all others.
  struct Idle {
    bool asked = false;
    MonotonicTime until;
    auto operator<=>(const Idle&) const = default;
  };
  std::optional<Idle> idle() const;
  // Destroys the running request's task. Not from inside it.
  void CancelTask() { task_ = Task<void>(); }

 private:
  friend class UpgradedStream;
  enum class State { kHandshake, kReading, kHandling, kWriting, kUpgraded, kLingering, kClosed };

  void OnReadable();
  void OnWritable();
  void Handshake();

  // Reads what the socket has and feeds the parser, until a request is whole or nothing is left.
  void ReadRequests();
  // Says whether to go on reading.
  bool FeedParser(std::string_view bytes);
  // The head has come and the body has not, or not all. Says whether to go on reading.
  bool MayReadBody(bool head_is_new);
  // Counts the bytes of a body towards those that all connections may have.
  void HoldBody(size_t bytes);
  void SetPeer(Request& request) const;
  void WatchForHangup();
  void Dispatch();
  Task<void> Serve(Request request);
  void SendWhole(Response response);
  Task<void> SendStream(Response response);
  Task<void> SendUpgrade(Response response);
  void Fail(const RequestParser::Failure& failure);
  // Answers a request without having read it to its end; no other follows.
  void AnswerEarly(Response response);
  // Moves what the stream has ready into out_, framed as one chunk.
  void QueueChunks();
  void ScheduleFlush();
  void Flush();
  // The response has been written entirely.
  void ResponseDone();
  void NextRequest();
  void Linger();
  Notifier& Changed();
  void NotifyChanged();
  void SetDeadline(std::chrono::milliseconds from_now);
  // Until when a peer that has ended its side gets the rest of its response.
  void SetLastDeadline();

  ConnectionContext& context_;
  Transport transport_;
  FdWatcher watcher_;
  std::string peer_address_;
  std::string client_certificate_pem_;
  std::function<void()> on_closed_;

  State state_ = State::kHandshake;
  MonotonicTime deadline_ = MonotonicTime::max();
  std::unique_ptr<RequestParser> parser_;
  std::string unparsed_;  // read, not yet taken by the parser or the upgraded stream

  // Of the running request.
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool http_1_0_ = false;
  bool continue_sent_ = false;
  bool response_queued_ = false;  // all of it is in out_
  bool rest_unread_ = false;      // the request could not be read to its end
  bool last_ = false;             // Drain: no request after this one
  bool chunked_ = false;
  bool flush_scheduled_ = false;
  bool peer_ended_ = false;  // its side; it may wait for the response still
  bool streaming_ = false;
  bool asked_ = false;  // at least one request
  std::vector<std::shared_ptr<const std::string>> ready_chunks_;
  size_t ready_bytes_ = 0;
  OutBuffer out_;
  // out_ became short again, unparsed_ grew, or the peer ended. Made when first waited for: an idle
  // watch needs none.
  std::unique_ptr<Notifier> changed_;
  size_t lingered_bytes_ = 0;
  MonotonicTime linger_until_;
  size_t held_bytes_ = 0;  // of context_.body_bytes
  Task<void> task_;
};

}  // namespace wherry::http
