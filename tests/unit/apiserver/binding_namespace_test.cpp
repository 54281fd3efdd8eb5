#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

using BindingNamespaceTest = ApiFixture;

TEST_F(BindingNamespaceTest, OthersAreRefused) {
  ASSERT_EQ(Post(std::string(kPods), PodJson("web")).status, 201);
  const std::string pod = std::string(kPods) + "/web";
  const char* body = R"({"metadata":{"name":"web","namespace":"zz"},"target":{"name":"n1"}})";
  EXPECT_EQ(Post(pod + "/binding", body).status, 400);
  EXPECT_EQ(Post(pod + "/eviction", R"({"metadata":{"name":"web","namespace":"zz"}})").status, 400);
  EXPECT_EQ(Get(pod).status, 200);
}

}  // namespace
}  // namespace wherry::apiserver
