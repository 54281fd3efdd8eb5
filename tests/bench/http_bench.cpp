// GETs of a static 3 KB body over keep-alive connections against our own server in this process:
// what HTTP and TLS cost before any Kubernetes comes in. Client and server have a thread each.
//
//   http_bench [connections] [seconds] [tls|plain]
//   http_bench load PORT TARGET TOKEN [connections] [seconds]    against another server, over TLS
//   http_bench serve [tls|plain]    only serves; prints its port. /watch never ends, /list has 60
//   MB.

#include "lib/base/check.h"
#include "lib/http/certificates.h"
#include "lib/http/server.h"
#include "lib/loop/asio_loop.h"
#include "tests/bench/http_load_client.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

namespace wherry {
namespace {

constexpr size_t kBodyBytes = 3 * 1024;

// 60 MB in chunks of 128 KB, or nothing for ever.
class Chunks : public http::BodySource {
 public:
  explicit Chunks(bool list) : left_(list ? 480 : -1) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    while (left_ < 0) co_await std::suspend_always();
    std::optional<http::Chunk> chunk;
    if (left_-- == 0) co_return chunk;
    static const auto bytes = std::make_shared<const std::string>(128 * 1024, 'x');
    chunk.emplace();
    chunk->bytes = bytes;
    co_return chunk;
  }

 private:
  int left_;
};

class StaticHandler : public http::Handler {
 public:
  Task<http::Response> Handle(http::Request request) override {
    http::Response response;
    if (request.target != "/") {
      response.stream = std::make_unique<Chunks>(request.target == "/list");
      co_return response;
    }
    response.headers.Set("Content-Type", "application/json");
    response.headers.Set("Audit-Id", "8f6c2d7e-0000-4000-8000-000000000000");
    response.headers.Set("Cache-Control", "no-cache, private");
    response.shared_body = body_;
    co_return response;
  }

 private:
  std::shared_ptr<const std::string> body_ = std::make_shared<std::string>(kBodyBytes, 'x');
};

http::TlsServerConfig MakeTls() {
  const WallTime now = std::chrono::system_clock::now();
  auto ca = http::MakeCertificateAuthority("bench", now, std::chrono::hours(1));
  http::CertificateRequest request;
  request.subject.common_name = "bench";
  request.ip_addresses = {"127.0.0.1"};
  request.server = true;
  auto leaf = http::IssueCertificate(*ca, request, now);
  return {leaf->certificate_pem, leaf->key_pem, ca->certificate_pem};
}

int Serve(bool tls) {
  auto loop = MakeAsioLoop();
  StaticHandler handler;
  http::Server server(*loop, handler);
  auto port = server.Listen("127.0.0.1", 0, tls ? std::optional(MakeTls()) : std::nullopt);
  CHECK_OK(port);
  std::cout << *port << std::endl;
  loop->Run();
  return 0;
}

void Print(const bench::LoadOptions& options, const bench::LoadResult& result) {
  using std::chrono::microseconds;
  const auto micros = [&result](double p) {
    return std::chrono::duration_cast<microseconds>(result.Percentile(p)).count();
  };
  std::cout << (options.tls ? "tls" : "plain") << " connections=" << options.connections
            << " responses=" << result.responses << " wrong=" << result.wrong
            << " per_second=" << static_cast<uint64_t>(result.PerSecond())
            << " p50_us=" << micros(50) << " p99_us=" << micros(99) << "\n";
}

int ExitCode(const bench::LoadResult& result) {
  return result.wrong == 0 && result.responses > 0 ? 0 : 1;
}

int Load(int argc, char** argv) {
  bench::LoadOptions options;
  options.port = static_cast<uint16_t>(std::atoi(argv[2]));
  options.target = argv[3];
  options.bearer_token = argv[4];
  options.connections = argc > 5 ? static_cast<size_t>(std::atoi(argv[5])) : 32;
  options.duration = std::chrono::seconds(argc > 6 ? std::atoi(argv[6]) : 3);
  const bench::LoadResult result = bench::RunLoad(options);
  Print(options, result);
  return ExitCode(result);
}

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "serve") {
    return Serve(argc <= 2 || std::string_view(argv[2]) != "plain");
  }
  if (argc > 4 && std::string_view(argv[1]) == "load") return Load(argc, argv);
  bench::LoadOptions options;
  options.connections = argc > 1 ? static_cast<size_t>(std::atoi(argv[1])) : 32;
  options.duration = std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : 3);
  options.tls = argc <= 3 || std::string_view(argv[3]) != "plain";
  options.expected_body_bytes = kBodyBytes;

  auto loop = MakeAsioLoop();
  StaticHandler handler;
  http::Server server(*loop, handler);
  auto port = server.Listen("127.0.0.1", 0, options.tls ? std::optional(MakeTls()) : std::nullopt);
  CHECK_OK(port);
  options.port = *port;
  std::thread serving([&loop] { loop->Run(); });
  const bench::LoadResult result = bench::RunLoad(options);
  loop->Stop();
  serving.join();
  Print(options, result);
  return ExitCode(result);
}

}  // namespace
}  // namespace wherry

int main(int argc, char** argv) { return wherry::Main(argc, argv); }
