#include "nodeagent/runtime/native/init_connection.h"

namespace wherry::nodeagent::runtime::native {

InitConnection::InitConnection(Loop& loop, linux::Fd socket,
                               std::function<void(init::Frame)> on_frame,
                               std::function<void()> on_closed)
    : loop_(loop),
      socket_(std::move(socket)),
      on_frame_(std::move(on_frame)),
      on_closed_(std::move(on_closed)) {
  WatchReadable();
}

InitConnection::~InitConnection() {
  *alive_ = false;
  if (read_watch_ != 0) loop_.UnwatchFd(read_watch_);
  if (write_watch_ != 0) loop_.UnwatchFd(write_watch_);
}

void InitConnection::Send(std::string body, std::vector<linux::Fd> fds) {
  if (closed_) return;
  writer_.Push(std::move(body), std::move(fds));
  if (write_watch_ == 0) Flush();
}

void InitConnection::WatchReadable() {
  read_watch_ = loop_.WatchFd(socket_.get(), Loop::FdEvent::kReadable, [this] {
    read_watch_ = 0;
    OnReadable();
  });
}

void InitConnection::OnReadable() {
  auto open = reader_.ReadSome(socket_.get());
  bool nothing_yet = !open.ok() && open.error().reason == Reason::kTimeout;
  std::shared_ptr<bool> alive = alive_;
  while (auto frame = reader_.Next()) {
    on_frame_(std::move(*frame));
    if (!*alive) return;
  }
  if (nothing_yet || (open.ok() && *open)) return WatchReadable();
  Close();
}

void InitConnection::Flush() {
  auto flushed = writer_.Flush(socket_.get());
  // A broken connection is noticed by the read side, after what the peer still had to say.
  if (!flushed.ok() || *flushed) return;
  write_watch_ = loop_.WatchFd(socket_.get(), Loop::FdEvent::kWritable, [this] {
    write_watch_ = 0;
    Flush();
  });
}

void InitConnection::Close() {
  if (closed_) return;
  closed_ = true;
  if (write_watch_ != 0) loop_.UnwatchFd(std::exchange(write_watch_, 0));
  on_closed_();
}

}  // namespace wherry::nodeagent::runtime::native
