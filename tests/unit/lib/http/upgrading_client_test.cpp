#include "lib/http/upgrading_client.h"

#include "tests/unit/lib/http/http_fixture.h"

namespace wherry::http {
namespace {

// The server's side: says hello, then repeats what it hears.
class Echo : public UpgradeHandler {
 public:
  Task<void> Run(std::unique_ptr<ByteStream> stream) override {
    auto greeting = stream->Write("hello;");
    auto greeted = co_await std::move(greeting);
    EXPECT_TRUE(greeted.ok());
    while (true) {
      auto reading = stream->Read();
      auto bytes = co_await std::move(reading);
      if (!bytes.ok() || bytes->empty()) co_return;
      if (*bytes == "bye") co_return;
      auto writing = stream->Write(std::move(*bytes));
      auto written = co_await std::move(writing);
      if (!written.ok()) co_return;
    }
  }
};

// Says much, and closes at once.
class Much : public UpgradeHandler {
 public:
  static constexpr size_t kBytes = 4'000'000;
  Task<void> Run(std::unique_ptr<ByteStream> stream) override {
    auto writing = stream->Write(std::string(kBytes, 'x'));
    auto written = co_await std::move(writing);
    EXPECT_TRUE(written.ok());
    stream->Close();
    auto late = stream->Write("late");
    auto refused = co_await std::move(late);
    EXPECT_FALSE(refused.ok());
  }
};

// The client's connection, as the test sees it.
struct Wire {
  explicit Wire(Loop& loop) : changed(loop) {}
  std::string to_server;
  std::string from_server;
  bool ended = false;
  Notifier changed;
};
class WireStream : public ByteStream {
 public:
  explicit WireStream(Wire& wire) : wire_(wire) {}
  Task<Result<std::string>> Read() override {
    while (wire_.to_server.empty() && !wire_.ended) co_await wire_.changed.Wait();
    co_return std::exchange(wire_.to_server, "");
  }
  Task<Status> Write(std::string bytes) override {
    wire_.from_server += bytes;
    wire_.changed.Notify();
    co_return Ok();
  }
  void Close() override {}

 private:
  Wire& wire_;
};

class UpgradingClientTest : public HttpTest {
 protected:
  UpgradingClientTest() {
    handler_.handle = [this](Request request) -> Task<Response> {
      asked_ = std::move(request);
      Response response = TextResponse("no");
      response.status = 403;
      if (asked_.path() == "/echo" || asked_.path() == "/much") {
        response = Response();
        response.status = 101;
        response.headers.Set("Connection", "Upgrade");
        response.headers.Set("Upgrade", "SPDY/3.1");
        response.upgrade = std::make_unique<Echo>();
        if (asked_.path() == "/much") response.upgrade = std::make_unique<Much>();
      }
      co_return response;
    };
  }
  static Request Upgrade(std::string target) {
    Request request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.Set("Connection", "Upgrade");
    request.headers.Set("Upgrade", "SPDY/3.1");
    return request;
  }
  Result<Response> Ask(const CurlClient::Options& options, Request request) {
    std::optional<Result<Response>> answer;
    Run([](Loop& loop, CurlClient::Options opts, Request req,
           std::optional<Result<Response>>* out) -> Task<void> {
      UpgradingClient client(loop, std::move(opts));
      auto asking = client.RoundTrip(std::move(req), true);
      out->emplace(co_await std::move(asking));
    }(loop_, options, std::move(request), &answer));
    if (!answer) return MakeError(Reason::kUnknown, "the test hung");
    return std::move(*answer);
  }
  // Sends `pieces` over the upgraded connection, and says what came back by the time that is
  // `expected` bytes.
  std::string Talk(Response& response, std::vector<std::string> pieces, size_t expected) {
    Wire wire(loop_);
    TaskScope scope(loop_);
    scope.Spawn("relay", response.upgrade->Run(std::make_unique<WireStream>(wire)));
    Run([](Wire& the_wire, std::vector<std::string> all, size_t bytes) -> Task<void> {
      for (std::string& piece : all) {
        the_wire.to_server += piece;
        the_wire.changed.Notify();
      }
      while (the_wire.from_server.size() < bytes) co_await the_wire.changed.Wait();
    }(wire, std::move(pieces), expected));
    return wire.from_server;
  }

  Request asked_;
};

TEST_F(UpgradingClientTest, CarriesBytesBothWays) {
  for (bool tls : {false, true}) {
    tls ? StartTls() : StartPlain();
    auto response = Ask(ClientOptions(), Upgrade("/echo?a=b%20c"));
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->status, 101);
    EXPECT_EQ(response->headers.Get("Upgrade"), "SPDY/3.1");
    EXPECT_EQ(asked_.method, "POST");
    EXPECT_EQ(asked_.target, "/echo?a=b%20c");
    ASSERT_NE(response->upgrade, nullptr);
    const std::string big(3'000'000, 'x');
    EXPECT_EQ(Talk(*response, {"one ", big}, 10 + big.size()), "hello;one " + big);
  }
}

// Whoever may GET by a token may exec by it.
TEST_F(UpgradingClientTest, UpgradesCarryTheToken) {
  StartPlain();
  CurlClient::Options options = ClientOptions();
  options.bearer_token = "abc";
  ASSERT_TRUE(Ask(options, Upgrade("/echo")).ok());
  EXPECT_EQ(asked_.headers.Get("Authorization"), "Bearer abc");
  Request own = Upgrade("/echo");
  own.headers.Set("Authorization", "Bearer own");
  ASSERT_TRUE(Ask(options, std::move(own)).ok());
  EXPECT_EQ(asked_.headers.Get("Authorization"), "Bearer own");
}

// What was written before the end arrives.
TEST_F(UpgradingClientTest, NothingIsLostAtTheEnd) {
  StartTls();
  auto response = Ask(ClientOptions(), Upgrade("/much"));
  ASSERT_TRUE(response.ok());
  Wire wire(loop_);
  Run(response->upgrade->Run(std::make_unique<WireStream>(wire)));
  EXPECT_EQ(wire.from_server.size(), Much::kBytes);
}

// The server's end is the client's end.
TEST_F(UpgradingClientTest, EndsWithTheServer) {
  StartTls();
  auto response = Ask(ClientOptions(), Upgrade("/echo"));
  ASSERT_TRUE(response.ok());
  Wire wire(loop_);
  wire.to_server = "bye";
  Run(response->upgrade->Run(std::make_unique<WireStream>(wire)));
  EXPECT_EQ(wire.from_server, "hello;");
}

// And the client's the server's: its connection is closed.
TEST_F(UpgradingClientTest, EndsWithTheClient) {
  StartTls();
  auto response = Ask(ClientOptions(), Upgrade("/echo"));
  ASSERT_TRUE(response.ok());
  Wire wire(loop_);
  wire.ended = true;
  Run(response->upgrade->Run(std::make_unique<WireStream>(wire)));
  response->upgrade.reset();
  Run([](Loop& loop, Server& server) -> Task<void> {
    while (server.connections() > 0) co_await SleepFor(loop, std::chrono::milliseconds(1));
  }(loop_, *server_));
}

TEST_F(UpgradingClientTest, ARefusalComesWhole) {
  StartTls();
  auto response = Ask(ClientOptions(), Upgrade("/other"));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 403);
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(response->upgrade, nullptr);
}

TEST_F(UpgradingClientTest, ShowsItsCertificate) {
  StartTls();
  CurlClient::Options options = ClientOptions();
  ASSERT_TRUE(Ask(options, Upgrade("/echo")).ok());
  EXPECT_EQ(asked_.tls_client_certificate_pem, "");
  const CertifiedKey client = IssueClient(ca_, "kube-apiserver-kubelet-client");
  options.tls.certificate_pem = client.certificate_pem;
  options.tls.key_pem = client.key_pem;
  ASSERT_TRUE(Ask(options, Upgrade("/echo")).ok());
  auto seen = ParseCertificate(asked_.tls_client_certificate_pem);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->subject.common_name, "kube-apiserver-kubelet-client");
}

// A server of another CA, or of another address, is not talked to.
TEST_F(UpgradingClientTest, ChecksTheServer) {
  StartTls();
  CurlClient::Options options = ClientOptions();
  auto other = MakeCertificateAuthority("other", now_, std::chrono::hours(1));
  ASSERT_TRUE(other.ok());
  options.tls.ca_pem = other->certificate_pem;
  auto refused = Ask(options, Upgrade("/echo"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, Reason::kServiceUnavailable);
  options.tls.insecure = true;
  EXPECT_TRUE(Ask(options, Upgrade("/echo")).ok());
  options = ClientOptions();
  options.base_url = "https://127.0.0.2:" + std::to_string(port_);
  EXPECT_FALSE(Ask(options, Upgrade("/echo")).ok());
  options = ClientOptions();
  options.tls.server_name = "wherry.test";
  EXPECT_TRUE(Ask(options, Upgrade("/echo")).ok());
  options.tls.server_name = "elsewhere.test";
  EXPECT_FALSE(Ask(options, Upgrade("/echo")).ok());
}

TEST_F(UpgradingClientTest, SaysWhatItCannotReach) {
  CurlClient::Options options;
  options.base_url = "http://127.0.0.1:1";
  auto refused = Ask(options, Upgrade("/echo"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message, "connect to '127.0.0.1' port 1: Connection refused");
  options.base_url = "http://node-1:80";
  EXPECT_EQ(Ask(options, Upgrade("/echo")).error().message,
            "connect to 'node-1': not an IP address");
  options.base_url = "http://127.0.0.1:99999";
  EXPECT_FALSE(Ask(options, Upgrade("/echo")).ok());
}

// Without an upgrade it is a client like any other.
TEST_F(UpgradingClientTest, CarriesRequestsToo) {
  StartTls();
  auto response = Ask(ClientOptions(), Get("/x"));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 403);
}

}  // namespace
}  // namespace wherry::http
