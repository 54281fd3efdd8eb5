#include "lib/http/curl_client.h"

#include "tests/unit/lib/http/http_fixture.h"

#include <set>

namespace wherry::http {
namespace {

using std::chrono::milliseconds;

// One piece, when it is told to.
class SlowBody : public BodySource {
 public:
  explicit SlowBody(Notifier& more) : more_(more) {}
  Task<Result<std::optional<Chunk>>> Next() override {
    if (std::exchange(sent_, true)) co_return std::optional<Chunk>();
    co_await more_.Wait();
    Chunk chunk;
    chunk.bytes = std::make_shared<const std::string>("late");
    co_return std::optional<Chunk>(std::move(chunk));
  }

 private:
  Notifier& more_;
  bool sent_ = false;
};

class CurlClientTest : public HttpTest {
 protected:
  CurlClientTest() {
    handler_.handle = [this](Request request) -> Task<Response> {
      peers_.insert(request.peer_address);
      last_ = std::move(request);
      co_return TextResponse(last_.method + " " + last_.target + " " + last_.body);
    };
  }
  // One exchange with a client of these options.
  Result<Response> Ask(const CurlClient::Options& options, Request request) {
    std::optional<Result<Response>> answer;
    Run([](Loop& loop, CurlClient::Options opts, Request req,
           std::optional<Result<Response>>* out) -> Task<void> {
      CurlClient client(loop, std::move(opts));
      auto asking = client.RoundTrip(std::move(req), false);
      out->emplace(co_await std::move(asking));
    }(loop_, options, std::move(request), &answer));
    if (!answer) return MakeError(Reason::kUnknown, "the test hung");
    return std::move(*answer);
  }

  Notifier changed_{loop_};
  std::set<std::string> peers_;
  Request last_;
};

TEST_F(CurlClientTest, RequestsKeepTheConnection) {
  StartTls();
  Run([](Loop& loop, CurlClient::Options options) -> Task<void> {
    CurlClient client(loop, options);
    for (int i = 0; i < 5; ++i) {
      auto asking = client.RoundTrip(Get("/" + std::to_string(i)), false);
      auto response = co_await std::move(asking);
      EXPECT_TRUE(response.ok());
      if (!response.ok()) co_return;
      EXPECT_EQ(response->body, "GET /" + std::to_string(i) + " ");
    }
  }(loop_, ClientOptions()));
  EXPECT_EQ(peers_.size(), 1U);
}

TEST_F(CurlClientTest, LongRequestsKeepNoOtherWaiting) {
  size_t held = 0;
  handler_.handle = [&](Request request) -> Task<Response> {
    if (request.target == "/watch") {
      ++held;
      co_await changed_.Wait();
    }
    co_return TextResponse("done");
  };
  StartPlain();
  Run([](Loop& loop, CurlClient::Options options, size_t* waiting, Notifier* end) -> Task<void> {
    CurlClient client(loop, options);
    TaskScope watches(loop);
    constexpr size_t kWatches = 200;
    for (size_t i = 0; i < kWatches; ++i) {
      watches.Spawn("watch", [](CurlClient& to) -> Task<void> {
        auto asking = to.RoundTrip(Get("/watch"), false);
        auto response = co_await std::move(asking);
        EXPECT_TRUE(response.ok());
      }(client));
    }
    while (*waiting < kWatches) co_await SleepFor(loop, milliseconds(1));
    auto asking = client.RoundTrip(Get("/"), false);
    auto response = co_await std::move(asking);
    EXPECT_TRUE(response.ok() && response->body == "done");
    end->Notify();
  }(loop_, ClientOptions(), &held, &changed_));
}

TEST_F(CurlClientTest, MethodsBodiesAndFieldsArriveAsGiven) {
  StartTls();
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    for (const std::string& body :
         {std::string(), std::string("{\"a\":1}"), std::string(2'000'000, 'x')}) {
      Request request = Get("/a/../b?x=%2F&y");
      request.method = method;
      request.body = body;
      if (!body.empty()) request.headers.Set("Content-Type", "application/json");
      request.headers.Set("X-Empty", "");
      auto answer = Ask(ClientOptions(), std::move(request));
      ASSERT_TRUE(answer.ok()) << method << " " << answer.error().message;
      EXPECT_EQ(last_.method, method);
      EXPECT_EQ(last_.target, "/a/../b?x=%2F&y");
      EXPECT_EQ(last_.body, body);
      EXPECT_EQ(last_.headers.Get("Content-Type"), body.empty() ? "" : "application/json");
      EXPECT_TRUE(last_.headers.Has("X-Empty"));
      EXPECT_FALSE(last_.headers.Has("Expect"));
    }
  }
}

TEST_F(CurlClientTest, SendsItsToken) {
  StartTls();
  CurlClient::Options options = ClientOptions();
  options.bearer_token = "abc";
  ASSERT_TRUE(Ask(options, Get("/")).ok());
  EXPECT_EQ(last_.headers.Get("Authorization"), "Bearer abc");
}

TEST_F(CurlClientTest, AVerifiedClientCertificateReachesTheHandler) {
  StartTls();
  const CertifiedKey admin = IssueClient(ca_, "admin");
  CurlClient::Options options = ClientOptions();
  options.tls.certificate_pem = admin.certificate_pem;
  options.tls.key_pem = admin.key_pem;
  ASSERT_TRUE(Ask(options, Get("/")).ok());
  const auto parsed = ParseCertificate(last_.tls_client_certificate_pem);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->subject.common_name, "admin");
}

// Renewed certificates on both sides: a stream that runs goes on, new requests show the new ones.
TEST_F(CurlClientTest, CertificatesChangeUnderRunningStreams) {
  StartTls();
  Notifier more(loop_);
  std::vector<std::string> users;
  handler_.handle = [&](Request request) -> Task<Response> {
    users.push_back(ParseCertificate(request.tls_client_certificate_pem)->subject.common_name);
    Response response;
    if (request.target == "/stream") response.stream = std::make_unique<SlowBody>(more);
    co_return response;
  };
  CurlClient::Options options = ClientOptions();
  const CertifiedKey before = IssueClient(ca_, "before");
  const CertifiedKey after = IssueClient(ca_, "after");
  options.tls.certificate_pem = before.certificate_pem;
  options.tls.key_pem = before.key_pem;
  const auto other_ca = MakeCertificateAuthority("other", now_, std::chrono::hours(1));
  CertificateRequest serving;
  serving.subject.common_name = "server";
  serving.ip_addresses = {"127.0.0.1"};
  serving.server = true;
  const auto renewed = IssueCertificate(*other_ca, serving, now_);
  Run([](Loop& loop, CurlClient::Options with, const CertifiedKey& next, Server& server,
         const CertifiedKey& leaf, std::string client_ca, std::string server_ca,
         Notifier& wake) -> Task<void> {
    CurlClient client(loop, with);
    auto opening = client.RoundTrip(Get("/stream"), true);
    auto stream = co_await std::move(opening);
    EXPECT_TRUE(stream.ok());
    if (!stream.ok()) co_return;
    EXPECT_FALSE(server.SetTls({"x", "y", ""}).ok());
    EXPECT_TRUE(server.SetTls({leaf.certificate_pem, leaf.key_pem, client_ca}).ok());
    CurlClient old(loop, with);
    auto asking = old.RoundTrip(Get("/old"), false);
    auto refused = co_await std::move(asking);
    EXPECT_FALSE(refused.ok()) << "the server shows its old certificate to a new connection";
    with.tls.ca_pem = server_ca;
    with.tls.certificate_pem = next.certificate_pem;
    with.tls.key_pem = next.key_pem;
    client.SetTls(with.tls);
    auto again = client.RoundTrip(Get("/new"), false);
    auto answered = co_await std::move(again);
    EXPECT_TRUE(answered.ok());
    wake.Notify();
    auto reading = stream->stream->Next();
    auto chunk = co_await std::move(reading);
    EXPECT_TRUE(chunk.ok() && chunk->has_value()) << "the stream broke";
  }(loop_, options, after, *server_, *renewed, ca_.certificate_pem, other_ca->certificate_pem,
                         more));
  EXPECT_EQ(users, (std::vector<std::string>{"before", "after"}));
}

TEST_F(CurlClientTest, AForeignClientCertificateCountsAsNone) {
  StartTls();
  const auto other_ca = MakeCertificateAuthority("test-ca", now_, std::chrono::hours(1));
  const CertifiedKey stranger = IssueClient(*other_ca, "admin");
  CurlClient::Options options = ClientOptions();
  options.tls.certificate_pem = stranger.certificate_pem;
  options.tls.key_pem = stranger.key_pem;
  const auto answer = Ask(options, Get("/"));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(last_.tls_client_certificate_pem, "");
  ASSERT_TRUE(Ask(ClientOptions(), Get("/")).ok());
  EXPECT_EQ(last_.tls_client_certificate_pem, "");
}

TEST_F(CurlClientTest, AServerOfAnotherCaIsNotTalkedTo) {
  StartTls();
  const auto other_ca = MakeCertificateAuthority("other", now_, std::chrono::hours(1));
  CurlClient::Options options = ClientOptions();
  options.tls.ca_pem = other_ca->certificate_pem;
  options.bearer_token = "secret";
  const auto answer = Ask(options, Get("/"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, Reason::kServiceUnavailable);
  EXPECT_TRUE(peers_.empty());
  options.tls.insecure = true;
  EXPECT_TRUE(Ask(options, Get("/")).ok());
}

TEST_F(CurlClientTest, TheServersNameIsCheckedUnlessAnotherIsGiven) {
  StartTls();
  CurlClient::Options options = ClientOptions();
  options.tls.server_name = "wherry.test";
  const auto right = Ask(options, Get("/named"));
  ASSERT_TRUE(right.ok()) << right.error().message;
  EXPECT_EQ(right->body, "GET /named ");
  options.tls.server_name = "somebody.else";
  EXPECT_FALSE(Ask(options, Get("/")).ok());
}

TEST_F(CurlClientTest, NobodyThereIsServiceUnavailable) {
  StartPlain();
  const CurlClient::Options options = ClientOptions();
  server_.reset();
  const auto answer = Ask(options, Get("/x"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, Reason::kServiceUnavailable);
  EXPECT_TRUE(answer.error().message.starts_with("GET /x: ")) << answer.error().message;
}

TEST_F(CurlClientTest, SilenceTimesOut) {
  StartPlain();
  handler_.handle = [this](Request) -> Task<Response> {
    co_await SleepFor(loop_, std::chrono::hours(1));
    co_return Response();
  };
  CurlClient::Options options = ClientOptions();
  options.timeout = milliseconds(50);
  const auto whole = Ask(options, Get("/x"));
  ASSERT_FALSE(whole.ok());
  EXPECT_EQ(whole.error().reason, Reason::kTimeout);
  Run([](Loop& loop, CurlClient::Options opts) -> Task<void> {
    CurlClient client(loop, opts);
    auto asking = client.RoundTrip(Get("/watch"), true);
    auto streamed = co_await std::move(asking);
    EXPECT_FALSE(streamed.ok());
    if (!streamed.ok()) EXPECT_EQ(streamed.error().reason, Reason::kTimeout);
  }(loop_, options));
}

// A body of one chunk, and then nothing.
class Stalled : public BodySource {
 public:
  explicit Stalled(Loop& loop) : loop_(loop) {}
  Task<Result<std::optional<Chunk>>> Next() override {
    if (sent_) co_await SleepFor(loop_, std::chrono::hours(1));
    sent_ = true;
    Chunk chunk;
    chunk.bytes = std::make_shared<std::string>("some");
    co_return std::optional<Chunk>(std::move(chunk));
  }

 private:
  Loop& loop_;
  bool sent_ = false;
};

TEST_F(CurlClientTest, AStalledBodyIsGivenUp) {
  StartPlain();
  handler_.handle = [this](Request) -> Task<Response> {
    Response response;
    response.stream = std::make_unique<Stalled>(loop_);
    co_return response;
  };
  CurlClient::Options options = ClientOptions();
  options.stall_timeout = std::chrono::seconds(1);
  const auto answer = Ask(options, Get("/blob"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, Reason::kTimeout);
}

TEST_F(CurlClientTest, AnEndlessBodyIsCutOff) {
  StartPlain();
  handler_.handle = [](Request) -> Task<Response> {
    co_return TextResponse(std::string(1'000'000, 'x'));
  };
  CurlClient::Options options = ClientOptions();
  options.body_bytes_max = 100'000;
  const auto answer = Ask(options, Get("/x"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, Reason::kRequestEntityTooLarge);
}

TEST_F(CurlClientTest, CancelledRequestsLeaveTheClientUsable) {
  StartTls();
  Run([](Loop& loop, CurlClient::Options options) -> Task<void> {
    CurlClient client(loop, options);
    for (int i = 0; i < 20; ++i) {
      // Cancelled at whatever stage it is in after i turns of the loop.
      TaskScope scope(loop);
      scope.Spawn("cancelled", [](CurlClient& to, Loop& on) -> Task<void> {
        auto asking = to.RoundTrip(Get("/cancelled"), false);
        auto ignored = co_await std::move(asking);
        co_await SleepFor(on, std::chrono::hours(1));
      }(client, loop));
      for (int turn = 0; turn < i; ++turn) co_await Yield(loop);
    }
    auto asking = client.RoundTrip(Get("/after"), false);
    auto response = co_await std::move(asking);
    EXPECT_TRUE(response.ok());
    if (response.ok()) EXPECT_EQ(response->body, "GET /after ");
  }(loop_, ClientOptions()));
}

}  // namespace
}  // namespace wherry::http
