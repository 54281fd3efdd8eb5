#include "lib/http/curl_multi.h"

#include "lib/base/check.h"

#include <curl/curl.h>

#include <chrono>

namespace wherry::http {

CurlMulti::CurlMulti(Loop& loop, size_t idle_connections_max) : loop_(loop) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(initialised == CURLE_OK);
  multi_ = curl_multi_init();
  CHECK(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(idle_connections_max));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlMulti::~CurlMulti() {
  curl_multi_cleanup(multi_);
  if (timer_ != 0) loop_.CancelTimer(timer_);
}

void CurlMulti::Add(void* easy) { curl_multi_add_handle(multi_, easy); }
void CurlMulti::Remove(void* easy) { curl_multi_remove_handle(multi_, easy); }

int CurlMulti::OnSocket(void* /*easy*/, int fd, int what, void* self, void* /*socket*/) {
  static_cast<CurlMulti*>(self)->Watch(fd, what);
  return 0;
}

int CurlMulti::OnTimer(void* /*multi*/, long timeout_ms, void* raw_self) {
  auto* self = static_cast<CurlMulti*>(raw_self);
  if (self->timer_ != 0) self->loop_.CancelTimer(self->timer_);
  self->timer_ = 0;
  if (timeout_ms < 0) return 0;
  const auto deadline = self->loop_.MonotonicNow() + std::chrono::milliseconds(timeout_ms);
  self->timer_ = self->loop_.RunAt(deadline, [self] {
    self->timer_ = 0;
    self->OnTimeout();
  });
  return 0;
}

void CurlMulti::Watch(int fd, int what) {
  if (what == CURL_POLL_REMOVE) {
    sockets_.erase(fd);
    return;
  }
  Socket& socket = sockets_[fd];
  if (!socket.watcher) {
    socket.watcher = std::make_unique<FdWatcher>(
        loop_, fd, [this, fd] { OnReady(fd, CURL_CSELECT_IN); },
        [this, fd] { OnReady(fd, CURL_CSELECT_OUT); });
  }
  socket.wanted = what;
  Arm(socket);
}

void CurlMulti::Arm(Socket& socket) {
  if ((socket.wanted & CURL_POLL_IN) != 0) socket.watcher->WaitReadable();
  if ((socket.wanted & CURL_POLL_OUT) != 0) socket.watcher->WaitWritable();
}

void CurlMulti::OnReady(int fd, int events) {
  auto it = sockets_.find(fd);
  const int wanted_event = events == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT;
  // Asked for earlier, and not of interest any more.
  if (it == sockets_.end() || (it->second.wanted & wanted_event) == 0) return;
  int running = 0;
  curl_multi_socket_action(multi_, fd, events, &running);
  TellFinished();
  if (it = sockets_.find(fd); it != sockets_.end()) Arm(it->second);
}

void CurlMulti::OnTimeout() {
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  TellFinished();
}

void CurlMulti::TellFinished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* listener = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &listener);
    reinterpret_cast<Listener*>(listener)->OnDone(static_cast<int>(message->data.result));
  }
}

}  // namespace wherry::http
