#include "nodeagent/images/registry_client.h"

#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace wherry::nodeagent::images {
namespace {

// A registry that asks for a token of `realm`, and a token server that gives one.
class Registry : public http::RoundTripper {
 public:
  explicit Registry(std::string realm) : realm_(std::move(realm)) {}

  Task<Result<http::Response>> RoundTrip(http::Request request, bool) override {
    asked.push_back(request.target);
    http::Response response;
    if (request.target.starts_with(realm_)) {
      token_authorization = request.headers.Get("Authorization");
      response.status = 200;
      response.body = R"({"token":"t"})";
    } else if (request.headers.Get("Authorization") == "Bearer t") {
      response.status = 200;
    } else {
      response.status = 401;
      response.headers.Set("WWW-Authenticate", "Bearer realm=\"" + realm_ + "\",service=\"s\"");
    }
    co_return response;
  }

  std::vector<std::string> asked;
  std::string token_authorization;

 private:
  std::string realm_;
};

Result<http::Response> Get(Registry& registry, const std::string& base) {
  RealWorld world;
  RegistryClient client(registry, base, "app", RegistryAuth{.username = "u", .password = "p"});
  std::optional<Result<http::Response>> result;
  auto get = [](RegistryClient* from, Loop* loop,
                std::optional<Result<http::Response>>* into) -> Task<void> {
    auto got = from->Get("manifests/v1", "", false);
    auto response = co_await std::move(got);
    into->emplace(std::move(response));
    loop->Stop();
  };
  TaskScope scope(world.world().loop);
  scope.Spawn("get", get(&client, &world.world().loop, &result));
  world.world().loop.Run();
  return std::move(*result);
}

TEST(RegistryClient, FetchesATokenWithThePassword) {
  Registry registry("https://auth.example/token");
  auto got = Get(registry, "https://registry.example");
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(registry.token_authorization, "Basic dTpw");
}

TEST(RegistryClient, APasswordForHttpsIsNeverSentInClear) {
  Registry registry("http://auth.example/token");
  auto got = Get(registry, "https://registry.example");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().reason, Reason::kForbidden);
  EXPECT_EQ(registry.asked.size(), 1u) << "the token server was asked";
  EXPECT_EQ(registry.token_authorization, "");
}

TEST(RegistryClient, AnInsecureRegistryMayHaveAnInsecureTokenServer) {
  Registry registry("http://auth.example/token");
  EXPECT_TRUE(Get(registry, "http://registry.example").ok());
}

}  // namespace
}  // namespace wherry::nodeagent::images
