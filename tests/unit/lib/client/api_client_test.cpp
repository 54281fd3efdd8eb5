#include "lib/client/api_client.h"

#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/client/watch_stream.h"
#include "lib/http/in_process.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::client {
namespace {

namespace core = api::core::v1;

// Answers every request with what the test has put there, and keeps the request.
class ScriptedHandler : public http::Handler {
 public:
  Task<http::Response> Handle(http::Request incoming) override {
    request = std::move(incoming);
    http::Response answer;
    answer.status = status;
    answer.body = body;
    answer.object = object;
    co_return answer;
  }
  int status = 200;
  std::string body;
  MessagePtr object;
  http::Request request;
};

class ApiClientTest : public testing::Test {
 protected:
  // Runs a call to its end on the simulated loop.
  template <typename T>
  T Run(Task<T> task) {
    std::optional<T> result;
    TaskScope scope(world_.world().loop);
    scope.Spawn("call", [](Task<T> inner, std::optional<T>* out) -> Task<void> {
      out->emplace(co_await std::move(inner));
    }(std::move(task), &result));
    world_.Settle();
    CHECK(result.has_value());
    return std::move(*result);
  }

  static std::shared_ptr<core::Pod> MakePod(const std::string& name) {
    auto pod = std::make_shared<core::Pod>();
    pod->mutable_metadata()->set_name(name);
    pod->mutable_metadata()->set_namespace_("default");
    return pod;
  }

  SimWorld world_{1};
  ScriptedHandler handler_;
  http::InProcessRoundTripper transport_{handler_};
  ApiClient client_{world_.world().loop, transport_, {.user_agent = "test/1"}};
  ApiClient shared_{world_.world().loop,
                    transport_,
                    {.in_process = true, .user = http::UserInfo{.name = "controller"}}};
};

TEST_F(ApiClientTest, RequestsGoWhereTheKindLives) {
  const auto& pods = api::KindOf<core::Pod>();
  const auto& nodes = api::KindOf<core::Node>();
  const auto& deployments = api::KindOf<api::apps::v1::Deployment>();
  handler_.body = api::ToProtobuf(core::Pod());
  Ignore(Run(client_.Get(pods, "kube-system", "dns")), "only the request counts");
  EXPECT_EQ(handler_.request.method, "GET");
  EXPECT_EQ(handler_.request.target, "/api/v1/namespaces/kube-system/pods/dns");
  EXPECT_EQ(handler_.request.headers.Get("User-Agent"), "test/1");
  EXPECT_NE(handler_.request.headers.Get("Accept").find("application/vnd.kubernetes.protobuf"),
            std::string::npos);
  Ignore(Run(client_.Get(nodes, "ignored", "n1")), "only the request counts");
  EXPECT_EQ(handler_.request.target, "/api/v1/nodes/n1");
  Ignore(Run(client_.Patch(deployments, "default", "web", PatchType::kMerge, "{}", "scale")),
         "only the request counts");
  EXPECT_EQ(handler_.request.method, "PATCH");
  EXPECT_EQ(handler_.request.target, "/apis/apps/v1/namespaces/default/deployments/web/scale");
  EXPECT_EQ(handler_.request.headers.Get("Content-Type"), "application/merge-patch+json");
  ListOptions options;
  options.label_selector = "a=b,c in (d)";
  options.limit = 500;
  options.continue_token = "x/y=";
  Ignore(Run(client_.List(deployments, "", options)), "only the request counts");
  EXPECT_EQ(handler_.request.target,
            "/apis/apps/v1/deployments?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=500&"
            "continue=x%2Fy%3D");
}

TEST_F(ApiClientTest, ObjectsTravelAsProtobuf) {
  auto created = MakePod("web");
  created->mutable_metadata()->set_uid("1");
  handler_.body = api::ToProtobuf(*created);
  const auto answer = Run(client_.Create("default", MakePod("web")));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(static_cast<const core::Pod&>(**answer).metadata().uid(), "1");
  EXPECT_EQ(handler_.request.method, "POST");
  EXPECT_EQ(handler_.request.target, "/api/v1/namespaces/default/pods");
  EXPECT_EQ(handler_.request.headers.Get("Content-Type"), "application/vnd.kubernetes.protobuf");
  const auto envelope = api::ParseEnvelope(handler_.request.body);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->kind, "Pod");
  EXPECT_EQ(envelope->api_version, "v1");
  core::Pod sent;
  ASSERT_TRUE(sent.ParseFromArray(envelope->raw.data(), static_cast<int>(envelope->raw.size())));
  EXPECT_EQ(sent.metadata().name(), "web");
}

TEST_F(ApiClientTest, SharedObjectsArriveUncopied) {
  const MessagePtr stored = MakePod("web");
  handler_.object = stored;
  const auto answer = Run(shared_.Get(api::KindOf<core::Pod>(), "default", "web"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->get(), stored.get());
  EXPECT_TRUE(handler_.request.wants_objects);
  EXPECT_EQ(handler_.request.authenticated_user->name, "controller");
  const auto wrong = Run(shared_.Get(api::KindOf<core::Node>(), "", "web"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().reason, Reason::kInternalError);
}

TEST_F(ApiClientTest, ListsCarryTheirMetadata) {
  core::PodList list;
  list.mutable_metadata()->set_resourceversion("42");
  list.mutable_metadata()->set_continue_("next");
  *list.add_items() = *MakePod("a");
  *list.add_items() = *MakePod("b");
  handler_.body = api::ToProtobuf(list);
  const auto answer = Run(client_.List(api::KindOf<core::Pod>(), "default", {}));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->resource_version, "42");
  EXPECT_EQ(answer->continue_token, "next");
  ASSERT_EQ(answer->items.size(), 2U);
  EXPECT_EQ(static_cast<const core::Pod&>(*answer->items[0]).metadata().name(), "a");
  EXPECT_EQ(static_cast<const core::Pod&>(*answer->items[1]).metadata().name(), "b");
}

TEST_F(ApiClientTest, AStatusBecomesAnErrorWithItsDetails) {
  handler_.status = 422;
  handler_.body = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
    "message":"Pod \"x\" is invalid","reason":"Invalid","code":422,"details":{"name":"x",
    "kind":"Pod","retryAfterSeconds":3,"causes":[{"reason":"FieldValueRequired",
    "message":"Required value","field":"spec.containers"}]}})";
  const auto answer = Run(client_.Create("default", MakePod("x")));
  ASSERT_FALSE(answer.ok());
  const Error& error = answer.error();
  EXPECT_EQ(error.reason, Reason::kInvalid);
  EXPECT_EQ(error.message, "Pod \"x\" is invalid");
  EXPECT_EQ(error.details.name, "x");
  EXPECT_EQ(error.details.retry_after_seconds, 3);
  ASSERT_EQ(error.details.causes.size(), 1U);
  EXPECT_EQ(error.details.causes[0].field, "spec.containers");
}

TEST_F(ApiClientTest, ErrorsWithoutAStatusAreReadFromTheCode) {
  struct Row {
    int status;
    Reason reason;
  };
  for (const Row& row : {Row{404, Reason::kNotFound}, Row{401, Reason::kUnauthorized},
                         Row{410, Reason::kExpired}, Row{429, Reason::kTooManyRequests},
                         Row{500, Reason::kInternalError}, Row{503, Reason::kServiceUnavailable}}) {
    handler_.status = row.status;
    handler_.body = "<html>proxy says no</html>";
    const auto answer = Run(client_.Get(api::KindOf<core::Pod>(), "default", "x"));
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().reason, row.reason) << row.status;
    EXPECT_NE(answer.error().message.find("proxy says no"), std::string::npos);
  }
}

TEST_F(ApiClientTest, DeleteSendsItsPreconditions) {
  handler_.body = "{}";
  DeleteOptions options;
  options.grace_period_seconds = 0;
  options.uid = "u1";
  options.propagation_policy = "Foreground";
  EXPECT_TRUE(Run(client_.Delete(api::KindOf<core::Pod>(), "default", "x", options)).ok());
  EXPECT_EQ(handler_.request.method, "DELETE");
  const auto envelope = api::ParseEnvelope(handler_.request.body);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->kind, "DeleteOptions");
  api::meta::v1::DeleteOptions sent;
  sent.ParseFromArray(envelope->raw.data(), static_cast<int>(envelope->raw.size()));
  EXPECT_TRUE(sent.has_graceperiodseconds());
  EXPECT_EQ(sent.graceperiodseconds(), 0);
  EXPECT_EQ(sent.preconditions().uid(), "u1");
  EXPECT_EQ(sent.propagationpolicy(), "Foreground");
}

TEST_F(ApiClientTest, UpdatesPutWhereTheObjectIs) {
  auto pod = MakePod("web");
  pod->mutable_metadata()->set_resourceversion("7");
  handler_.body = api::ToProtobuf(*pod);
  EXPECT_TRUE(Run(client_.UpdateStatus(pod)).ok());
  EXPECT_EQ(handler_.request.method, "PUT");
  EXPECT_EQ(handler_.request.target, "/api/v1/namespaces/default/pods/web/status");
  EXPECT_TRUE(Run(client_.Update(pod)).ok());
  EXPECT_EQ(handler_.request.target, "/api/v1/namespaces/default/pods/web");
}

TEST_F(ApiClientTest, RawBodiesAreNotDecoded) {
  handler_.body = "ok";
  EXPECT_EQ(*Run(client_.GetRaw("/readyz?verbose")), "ok");
  EXPECT_EQ(handler_.request.target, "/readyz?verbose");
  EXPECT_FALSE(handler_.request.wants_objects);
}

TEST(DecodeWatchEventTest, AnErrorEventIsAnError) {
  api::meta::v1::Status status;
  status.set_status("Failure");
  status.set_reason("Expired");
  status.set_code(410);
  status.set_message("too old");
  api::meta::v1::WatchEvent event;
  event.set_type("ERROR");
  event.mutable_object()->set_raw(api::ToProtobuf(status));
  const auto decoded = DecodeWatchEvent(api::KindOf<core::Pod>(), event.SerializeAsString());
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().reason, Reason::kExpired);
  EXPECT_EQ(decoded.error().message, "too old");
  EXPECT_FALSE(DecodeWatchEvent(api::KindOf<core::Pod>(), "\xff\xff").ok());
  event.set_type("SOMETHING");
  EXPECT_FALSE(DecodeWatchEvent(api::KindOf<core::Pod>(), event.SerializeAsString()).ok());
}

// Yields a text in pieces of a size.
class Pieces : public http::BodySource {
 public:
  Pieces(std::string text, size_t size) : text_(std::move(text)), size_(size) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    if (text_.empty()) co_return std::optional<http::Chunk>();
    http::Chunk chunk;
    chunk.bytes = std::make_shared<std::string>(text_.substr(0, size_));
    text_.erase(0, size_);
    co_return std::optional<http::Chunk>(std::move(chunk));
  }

 private:
  std::string text_;
  size_t size_;
};

TEST_F(ApiClientTest, FramesAreReadInAnyPieces) {
  std::string bytes;
  for (const char* name : {"a", "b"}) {
    api::meta::v1::WatchEvent event;
    event.set_type("ADDED");
    event.mutable_object()->set_raw(api::ToProtobuf(*MakePod(name)));
    const std::string content = event.SerializeAsString();
    bytes += std::string({0, 0, static_cast<char>(content.size() >> 8 & 255),
                          static_cast<char>(content.size() & 255)}) +
             content;
  }
  for (size_t size = 1; size <= bytes.size(); ++size) {
    WatchStream watch(api::KindOf<core::Pod>(), std::make_unique<Pieces>(bytes, size));
    for (const char* name : {"a", "b"}) {
      const auto event = Run(watch.Next());
      ASSERT_TRUE(event.ok() && *event) << size;
      EXPECT_EQ(static_cast<const core::Pod&>(*(*event)->object).metadata().name(), name);
    }
    const auto end = Run(watch.Next());
    EXPECT_TRUE(end.ok() && !*end);
  }
  WatchStream cut(api::KindOf<core::Pod>(),
                  std::make_unique<Pieces>(bytes.substr(0, bytes.size() - 1), 1000));
  Ignore(Run(cut.Next()), "the first event is whole");
  const auto lost = Run(cut.Next());
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().reason, Reason::kServiceUnavailable);
  WatchStream huge(api::KindOf<core::Pod>(), std::make_unique<Pieces>("\xff\xff\xff\xff", 4));
  EXPECT_FALSE(Run(huge.Next()).ok());
}

}  // namespace
}  // namespace wherry::client
