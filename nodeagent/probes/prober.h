#pragma once

#include "lib/http/message.h"
#include "lib/loop/task.h"
#include "lib/loop/world.h"
#include "nodeagent/probes/name_lookups.h"
#include "nodeagent/probes/probe.h"
#include "nodeagent/runtime/runtime.h"

#include <chrono>
#include <string>

namespace wherry::nodeagent::probes {

// Opens TCP connections for probes. Real sockets in production, scripted in simulations.
class TcpDialer {
 public:
  virtual ~TcpDialer() = default;
  // Connects and hangs up. Errors: "dial tcp 10.0.0.2:80: connect: connection refused".
  virtual Task<Status> Dial(std::string host, int port) = 0;
};

// Non-blocking connect(2) on the loop; `host` is an address or a name that getaddrinfo
// knows.
class SocketDialer : public TcpDialer {
 public:
  explicit SocketDialer(World& world) : world_(world), names_(world.loop) {}
  Task<Status> Dial(std::string host, int port) override;

 private:
  World& world_;
  NameLookups names_;
};

struct ProbeReply {
  Outcome outcome = Outcome::kUnknown;
  std::string output;    // for the event
  bool warning = false;  // succeeded by being redirected elsewhere
};

// Asks a container once. Loop thread; destroying the task ends the question.
//
// HTTP: 200 to 399 succeed, whatever comes after the first 10 KiB of the body; up to ten redirects
// to the same host are followed, one to another host counts as success with a warning; certificates
// are not verified (the transport's business). gRPC: grpc.health.v1 without TLS. Source:
// pkg/probe/{http,tcp,exec,grpc}.
class Prober {
 public:
  // `grpc` speaks HTTP/2 without being asked to.
  Prober(World& world, http::RoundTripper& http, http::RoundTripper& grpc, TcpDialer& tcp,
         runtime::Runtime& runtime)
      : world_(world), http_(http), grpc_(grpc), tcp_(tcp), runtime_(runtime) {}

  Task<ProbeReply> Ask(ProbeTarget target, runtime::PodUid uid, std::string container,
                       std::chrono::nanoseconds timeout);
  // The same question for a lifecycle hook; any answer below 400 will do.
  Task<Status> HttpGet(HttpTarget target, std::chrono::nanoseconds timeout);

 private:
  Task<ProbeReply> AskHttp(HttpTarget target, std::chrono::nanoseconds timeout);
  Task<ProbeReply> AskGrpc(GrpcTarget target, std::chrono::nanoseconds timeout);
  Task<ProbeReply> AskTcp(TcpTarget target, std::chrono::nanoseconds timeout);
  Task<ProbeReply> AskExec(ExecTarget target, runtime::PodUid uid, std::string container,
                           std::chrono::nanoseconds timeout);

  World& world_;
  http::RoundTripper& http_;
  http::RoundTripper& grpc_;
  TcpDialer& tcp_;
  runtime::Runtime& runtime_;
};

}  // namespace wherry::nodeagent::probes
