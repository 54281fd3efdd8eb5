#include "apiserver/registry/discovery/endpoint_slice_strategy.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json Slice() {
  return json::parse(R"({
    "metadata": {"name": "web-1", "generation": 1}, "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]},
                  {"addresses": ["10.0.0.3"]}, {"addresses": ["10.0.0.4"]}],
    "ports": [{"name": "http", "port": 80}]})");
}

class EndpointSliceTest : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = discovery::MakeEndpointSliceStrategy();
};

TEST_F(EndpointSliceTest, PrintsRowsAsUpstream) {
  EXPECT_THAT(
      Cells(*strategy_, Slice()),
      ElementsAre("web-1", "IPv4", "80", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...", "<unknown>"));
  json empty =
      json::parse(R"({"metadata": {"name": "e"}, "addressType": "IPv4", "endpoints": []})");
  EXPECT_THAT(Cells(*strategy_, empty),
              ElementsAre("e", "IPv4", "<unset>", "<unset>", "<unknown>"));
}

TEST_F(EndpointSliceTest, ErrorsAreWordedAsUpstreams) {
  EXPECT_THAT(CreateErrors(*strategy_, Slice()), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy_, With(Slice(), "/addressType", "")),
              ElementsAre("addressType: Required value"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Slice(), "/endpoints/0/addresses/0", "fd00::1")),
              ElementsAre(R"(endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid )"
                          "IPv4 address"));
  EXPECT_THAT(
      CreateErrors(*strategy_, With(Slice(), "/endpoints/1/addresses", json::array())),
      ElementsAre("endpoints[1].addresses: Required value: must contain at least 1 address"));
  EXPECT_THAT(CreateErrors(*strategy_, With(Slice(), "/ports/1", {{"name", "http"}})),
              ElementsAre(R"(ports[1].name: Duplicate value: "http")"));
  EXPECT_THAT(UpdateErrors(*strategy_, *strategy_, Slice(),
                           With(With(Slice(), "/addressType", "FQDN"), "/endpoints",
                                json::parse(R"([{"addresses": ["a.example.com"]}])"))),
              ElementsAre(R"(addressType: Invalid value: "FQDN": field is immutable)"));
}

TEST_F(EndpointSliceTest, GenerationCountsChangesBeyondAnnotations) {
  auto generation_after = [this](const json& after) {
    auto old = Decode(*strategy_, Slice());
    auto object = Decode(*strategy_, after);
    strategy_->PrepareForUpdate({.now = kNow}, *object, *old);
    return Encode(*object)["metadata"]["generation"].get<int>();
  };
  EXPECT_EQ(generation_after(With(Slice(), "/metadata/annotations", {{"a", "b"}})), 1);
  EXPECT_EQ(generation_after(With(Slice(), "/metadata/labels", {{"a", "b"}})), 2);
  EXPECT_EQ(generation_after(With(Slice(), "/endpoints/0/conditions", {{"ready", false}})), 2);
}

}  // namespace
}  // namespace wherry::apiserver::registry
