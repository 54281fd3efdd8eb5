#pragma once

#include "lib/http/fd_watcher.h"
#include "lib/loop/loop.h"

#include <map>
#include <memory>

namespace wherry::http {

// Drives libcurl's multi interface from the loop: its sockets, its timer, and who has finished.
//
// Loop thread. Handles are void*, libcurl's header stays in .cpp files.
class CurlMulti {
 public:
  // What a transfer's handle is told; set as CURLOPT_PRIVATE.
  class Listener {
   public:
    virtual ~Listener() = default;
    // `code` is a CURLcode. Called from inside libcurl: must not remove handles.
    virtual void OnDone(int code) = 0;
  };

  CurlMulti(Loop& loop, size_t idle_connections_max);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  Loop& loop() { return loop_; }
  void Add(void* easy);
  void Remove(void* easy);

 private:
  struct Socket {
    std::unique_ptr<FdWatcher> watcher;
    int wanted = 0;  // CURL_POLL_*
  };

  static int OnSocket(void* easy, int fd, int what, void* self, void* socket);
  static int OnTimer(void* multi, long timeout_ms, void* self);
  void Watch(int fd, int what);
  void Arm(Socket& socket);
  void OnReady(int fd, int events);
  void OnTimeout();
  void TellFinished();

  Loop& loop_;
  void* multi_;
  std::map<int, Socket> sockets_;
  Loop::TimerId timer_ = 0;
};

}  // namespace wherry::http
