#pragma once

#include "lib/http/certificates.h"
#include "lib/http/curl_client.h"
#include "lib/http/server.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::http {

// A Handler made of a function.
class FunctionHandler : public Handler {
 public:
  std::function<Task<Response>(Request request)> handle;
  std::function<std::optional<Response>(Request& request)> refuse;
  Task<Response> Handle(Request request) override { return handle(std::move(request)); }
  std::optional<Response> Refuse(Request& request) override {
    return refuse ? refuse(request) : std::nullopt;
  }
};

// A plain socket to a port of 127.0.0.1, for what a well-behaved client does not send.
class RawClient {
 public:
  RawClient(Loop& loop, uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the connection broke before all was taken.
  Task<bool> Send(std::string bytes);
  // Reads until `text` has come (what came so far), or the end.
  Task<std::string> ReadUntil(std::string text);
  Task<std::string> ReadToEnd();
  void Close();
  // Nothing more will be sent; what comes can still be read.
  void EndWriting();

 private:
  // False at the end.
  Task<bool> ReadSome();

  Loop& loop_;
  int fd_;
  std::string received_;
};

// A server on loopback with a handler that each test sets, and the loop both run on.
class HttpTest : public testing::Test {
 protected:
  HttpTest();

  // Runs `task` on the loop to its end; a test that hangs fails after ten seconds.
  void Run(Task<void> task);

  void StartPlain(ServerOptions options = {});
  // With certificates from ca_, asking for client certificates of the same CA.
  void StartTls(ServerOptions options = {});
  CurlClient::Options ClientOptions() const;
  CertifiedKey IssueClient(const CertifiedKey& ca, const std::string& name) const;

  RealWorld world_;
  Loop& loop_ = world_.world().loop;
  WallTime now_ = world_.world().clock.Now();
  CertifiedKey ca_;
  FunctionHandler handler_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
  bool tls_ = false;
};

Response TextResponse(std::string body);
Request Get(std::string target);

}  // namespace wherry::http
