#include "tests/unit/apiserver/api_fixture.h"

#include "lib/http/jwt.h"
#include "lib/loop/task_scope.h"

namespace wherry::apiserver {

namespace {

Task<void> RunRequest(http::Handler& handler, http::Request request,
                      std::shared_ptr<std::optional<http::Response>> out) {
  auto handling = handler.Handle(std::move(request));
  out->emplace(co_await std::move(handling));
}

Task<void> StartApp(App& app, std::shared_ptr<std::optional<Error>> failure, bool& done) {
  auto starting = app.Start();
  auto started = co_await std::move(starting);
  if (!started.ok()) failure->emplace(started.error());
  done = true;
}

Task<void> PullAll(http::BodySource& stream, std::string& text, bool& ended) {
  while (true) {
    auto pulling = stream.Next();
    auto chunk = co_await std::move(pulling);
    if (!chunk.ok() || !chunk->has_value()) break;
    if ((*chunk)->bytes) text += *(*chunk)->bytes;
  }
  ended = true;
}

}  // namespace

void ApiFixture::SetUp() {
  store_ = std::make_unique<storage::MemoryStore>(sim_.world());
  App::Options options;
  options.advertise_address = "10.0.0.1";
  options.nodes.ca_pem = "a CA that nobody has to show";
  options.tokens["admin-token"] = http::UserInfo{.name = "admin", .groups = {"system:masters"}};
  options.tokens["node-token"] =
      http::UserInfo{.name = "system:node:n1", .groups = {"system:nodes"}};
  options.tokens["nobody-token"] = http::UserInfo{.name = "nobody"};
  options.service_account_key_pem = SigningKey();
  app_ = std::make_unique<App>(sim_.world(), *store_, std::move(options));
  auto failure = std::make_shared<std::optional<Error>>();
  bool done = false;
  TaskScope scope(sim_.world().loop);
  scope.Spawn("start", StartApp(*app_, failure, done));
  sim_.Settle();
  ASSERT_FALSE(failure->has_value()) << (*failure)->message;
  ASSERT_TRUE(done);
  // The default service account comes with controllers, which are not here.
  Answer account =
      Post("/api/v1/namespaces/default/serviceaccounts", R"({"metadata":{"name":"default"}})");
  ASSERT_EQ(account.status, 201) << account.text;
}

const std::string& ApiFixture::SigningKey() {
  static const std::string key = http::MakeRsaKey().value();
  return key;
}

http::Response ApiFixture::Send(http::Request request) {
  auto out = std::make_shared<std::optional<http::Response>>();
  TaskScope scope(sim_.world().loop);
  scope.Spawn("request", RunRequest(app_->handler(), std::move(request), out));
  sim_.Settle();
  if (!out->has_value()) {
    ADD_FAILURE() << "no response";
    return {};
  }
  return std::move(**out);
}

std::string ApiFixture::Pull(http::BodySource& stream) {
  std::string text;
  bool ended = false;
  TaskScope scope(sim_.world().loop);
  scope.Spawn("pull", PullAll(stream, text, ended));
  sim_.Settle();
  return text;
}

ApiFixture::Answer ApiFixture::Ask(std::string method, std::string target, std::string body,
                                   std::string content_type, std::string accept,
                                   std::string token) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  if (!body.empty()) request.headers.Set("Content-Type", std::move(content_type));
  if (!accept.empty()) request.headers.Set("Accept", std::move(accept));
  if (!token.empty()) request.headers.Set("Authorization", "Bearer " + token);
  request.body = std::move(body);
  http::Response response = Send(std::move(request));
  Answer answer;
  answer.status = response.status;
  answer.headers = response.headers;
  answer.text = response.shared_body ? *response.shared_body : response.body;
  if (response.stream) answer.text += Pull(*response.stream);
  answer.body = nlohmann::json::parse(answer.text, nullptr, false);
  if (answer.body.is_discarded()) answer.body = nullptr;
  return answer;
}

std::string PodJson(const std::string& name, const std::string& labels) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + R"(","labels":)" +
         labels + R"(},"spec":{"containers":[{"name":"c","image":"example/hello:1"}]}})";
}

std::string ConfigMapJson(const std::string& name, const std::string& value) {
  return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name +
         R"("},"data":{"k":")" + value + R"("}})";
}

}  // namespace wherry::apiserver
