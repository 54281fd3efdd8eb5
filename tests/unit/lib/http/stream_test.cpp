#include "lib/telemetry/log.h"
#include "tests/unit/lib/http/http_fixture.h"

#include <stdexcept>

namespace wherry::http {
namespace {

using std::chrono::milliseconds;

// A body that a test feeds by hand.
class FedBody : public BodySource {
 public:
  struct Feed {
    explicit Feed(Loop& loop) : chunks(loop, 100'000) {}
    Channel<std::string> chunks;
    bool destroyed = false;
    int pulled = 0;
    bool broken = false;
  };
  explicit FedBody(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
  ~FedBody() override { feed_->destroyed = true; }

  Task<Result<std::optional<Chunk>>> Next() override {
    auto popping = feed_->chunks.Pop();
    auto text = co_await std::move(popping);
    if (!text && feed_->broken) co_return MakeError(Reason::kInternalError, "source broke");
    if (!text) co_return std::optional<Chunk>();
    ++feed_->pulled;
    Chunk chunk;
    chunk.bytes = std::make_shared<std::string>(std::move(*text));
    co_return std::optional<Chunk>(std::move(chunk));
  }

 private:
  std::shared_ptr<Feed> feed_;
};

class StreamTest : public HttpTest {
 protected:
  StreamTest() {
    handler_.handle = [this](Request) -> Task<Response> {
      Response response = TextResponse("");
      response.stream = std::make_unique<FedBody>(feed_);
      co_return response;
    };
  }
  std::shared_ptr<FedBody::Feed> feed_ = std::make_shared<FedBody::Feed>(loop_);
};

Task<std::string> ReadAll(BodySource& stream) {
  std::string all;
  while (true) {
    auto pulling = stream.Next();
    auto chunk = co_await std::move(pulling);
    if (!chunk.ok()) co_return all + "|" + chunk.error().message;
    if (!*chunk) co_return all;
    all += *(*chunk)->bytes;
  }
}

Task<void> WatchTwoEvents(CurlClient::Options options, Loop& loop,
                          std::shared_ptr<FedBody::Feed> feed) {
  CurlClient client(loop, options);
  auto asking = client.RoundTrip(Get("/watch"), true);
  auto response = co_await std::move(asking);
  EXPECT_TRUE(response.ok());
  if (!response.ok()) co_return;
  EXPECT_EQ(response->headers.Get("Transfer-Encoding"), "chunked");
  // Each event arrives when it happens, not when the stream ends.
  for (const char* text : {"first\n", "second\n"}) {
    feed->chunks.Push(text);
    auto pulling = response->stream->Next();
    auto chunk = co_await std::move(pulling);
    EXPECT_TRUE(chunk.ok() && *chunk);
    if (!chunk.ok() || !*chunk) co_return;
    EXPECT_EQ(*(*chunk)->bytes, text);
  }
  feed->chunks.Push("third ");
  feed->chunks.Push("fourth");
  feed->chunks.Close();
  auto reading = ReadAll(*response->stream);
  const std::string rest = co_await std::move(reading);
  EXPECT_EQ(rest, "third fourth");
}

TEST_F(StreamTest, EventsArriveAsTheyHappenOverTls) {
  StartTls();
  Run(WatchTwoEvents(ClientOptions(), loop_, feed_));
}

TEST_F(StreamTest, EventsArriveAsTheyHappenOverTcp) {
  StartPlain();
  Run(WatchTwoEvents(ClientOptions(), loop_, feed_));
}

TEST_F(StreamTest, DroppingTheStreamStopsTheProducer) {
  StartTls();
  Run([](CurlClient::Options options, Loop& loop,
         std::shared_ptr<FedBody::Feed> feed) -> Task<void> {
    CurlClient client(loop, options);
    auto asking = client.RoundTrip(Get("/watch"), true);
    auto response = co_await std::move(asking);
    EXPECT_TRUE(response.ok());
    EXPECT_FALSE(feed->destroyed);
    response->stream.reset();
    while (!feed->destroyed) co_await SleepFor(loop, milliseconds(1));
  }(ClientOptions(), loop_, feed_));
}

// 32 MB in chunks of `chunk_bytes`, to a reader that sleeps first.
Task<void> ReadSlowly(CurlClient::Options options, Loop& loop, std::shared_ptr<FedBody::Feed> feed,
                      size_t chunk_bytes) {
  const size_t chunks = 32'000'000 / chunk_bytes;
  for (size_t i = 0; i < chunks; ++i) {
    feed->chunks.Push(std::string(chunk_bytes, static_cast<char>('a' + i % 26)));
  }
  feed->chunks.Close();
  CurlClient client(loop, options);
  auto asking = client.RoundTrip(Get("/list"), true);
  auto response = co_await std::move(asking);
  EXPECT_TRUE(response.ok());
  co_await SleepFor(loop, milliseconds(200));
  // Socket buffers take some megabytes; the 32 MB are not pulled while nobody reads.
  EXPECT_LT(feed->pulled, static_cast<int>(chunks / 2));
  auto reading = ReadAll(*response->stream);
  const std::string all = co_await std::move(reading);
  EXPECT_EQ(all.size(), chunks * chunk_bytes);
  bool right = all.size() == chunks * chunk_bytes;
  for (size_t i = 0; right && i < chunks; ++i) {
    const std::string chunk(chunk_bytes, static_cast<char>('a' + i % 26));
    right = all.compare(i * chunk_bytes, chunk_bytes, chunk) == 0;
  }
  EXPECT_TRUE(right);
}

TEST_F(StreamTest, ASlowReaderSlowsTheProducerAndLosesNothing) {
  StartTls();
  Run(ReadSlowly(ClientOptions(), loop_, feed_, 16'000));
}

TEST_F(StreamTest, ASlowReaderOfBatchesLosesNothing) {
  StartTls();
  Run(ReadSlowly(ClientOptions(), loop_, feed_, 80'000));
}

// A bug in a handler's stream ends the response, and is told.
TEST_F(StreamTest, ASourceThatThrowsIsSeenAsALostConnection) {
  class Throwing : public BodySource {
   public:
    Task<Result<std::optional<Chunk>>> Next() override {
      throw std::runtime_error("a bug");
      co_return std::nullopt;
    }
  };
  handler_.handle = [](Request) -> Task<Response> {
    Response response = TextResponse("");
    response.stream = std::make_unique<Throwing>();
    co_return response;
  };
  telemetry::LogCapture logs;
  StartTls();
  Run([](CurlClient::Options options, Loop& loop) -> Task<void> {
    CurlClient client(loop, options);
    auto asking = client.RoundTrip(Get("/watch"), true);
    auto response = co_await std::move(asking);
    // Depending on how fast the end follows the head.
    if (!response.ok()) co_return;
    auto reading = ReadAll(*response->stream);
    const std::string text = co_await std::move(reading);
    EXPECT_TRUE(text.starts_with("|")) << text;
  }(ClientOptions(), loop_));
  EXPECT_TRUE(logs.Contains(telemetry::Level::kError, "a bug"));
}

TEST_F(StreamTest, ABrokenSourceIsSeenAsALostConnection) {
  StartTls();
  Run([](CurlClient::Options options, Loop& loop,
         std::shared_ptr<FedBody::Feed> feed) -> Task<void> {
    CurlClient client(loop, options);
    auto asking = client.RoundTrip(Get("/watch"), true);
    auto response = co_await std::move(asking);
    EXPECT_TRUE(response.ok());
    feed->chunks.Push("some");
    feed->broken = true;
    feed->chunks.Close();
    auto reading = ReadAll(*response->stream);
    const std::string all = co_await std::move(reading);
    EXPECT_TRUE(all.starts_with("some|GET /watch: ")) << all;
  }(ClientOptions(), loop_, feed_));
}

TEST_F(StreamTest, OldClientsGetTheStreamUntilClose) {
  StartPlain();
  feed_->chunks.Push("all of it");
  feed_->chunks.Close();
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient client(loop, port);
    auto sending = client.Send("GET / HTTP/1.0\r\n\r\n");
    co_await std::move(sending);
    auto reading = client.ReadToEnd();
    const std::string answer = co_await std::move(reading);
    EXPECT_EQ(answer.find("chunked"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nall of it")) << answer;
  }(loop_, port_));
}

// Answers lines with lines, until "bye".
class Echo : public UpgradeHandler {
 public:
  Task<void> Run(std::unique_ptr<ByteStream> stream) override {
    while (true) {
      auto reading = stream->Read();
      auto bytes = co_await std::move(reading);
      if (!bytes.ok() || bytes->empty()) co_return;
      auto writing = stream->Write("echo " + *bytes);
      auto written = co_await std::move(writing);
      if (!written.ok() || *bytes == "bye") co_return;
    }
  }
};

TEST_F(StreamTest, AnUpgradedConnectionIsAByteStream) {
  StartPlain();
  handler_.handle = [](Request request) -> Task<Response> {
    Response response;
    response.status = 101;
    response.headers.Set("Connection", "Upgrade");
    response.headers.Set("Upgrade", std::string(request.headers.Get("Upgrade")));
    response.upgrade = std::make_unique<Echo>();
    co_return response;
  };
  Run([](Loop& loop, uint16_t port) -> Task<void> {
    RawClient client(loop, port);
    // The first bytes of the new protocol come with the request.
    auto sending = client.Send(
        "POST /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        "Content-Length: 0\r\n\r\nearly");
    co_await std::move(sending);
    auto first = client.ReadUntil("echo early");
    const std::string head = co_await std::move(first);
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
    EXPECT_NE(head.find("Upgrade: SPDY/3.1\r\n"), std::string::npos) << head;
    auto more = client.Send("bye");
    co_await std::move(more);
    auto reading = client.ReadToEnd();
    const std::string all = co_await std::move(reading);
    EXPECT_TRUE(all.ends_with("echo earlyecho bye")) << all;
  }(loop_, port_));
}

}  // namespace
}  // namespace wherry::http
