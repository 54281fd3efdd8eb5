#include "apiserver/filters/request_metrics.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::filters {
namespace {

using namespace std::chrono_literals;

class RequestMetricsTest : public ::testing::Test {
 protected:
  void Observe(const std::string& resource, int status, const std::string& verb = "list") {
    RequestInfo info;
    info.is_resource = true;
    info.verb = verb;
    info.version = "v1";
    info.ns = "default";
    info.resource = resource;
    metrics_.Observe(info, status, 3ms);
  }
  size_t SeriesOf(const std::string& name) {
    std::string text = registry_.Expose();
    size_t count = 0;
    for (size_t at = text.find(name + "{"); at != std::string::npos;
         at = text.find(name + "{", at + 1)) {
      ++count;
    }
    return count;
  }

  telemetry::Registry registry_;
  RequestMetrics metrics_{registry_,
                          [](const RequestInfo& info) { return info.resource == "pods"; }};
};

// Names that clients make up share a series, whatever the answer was.
TEST_F(RequestMetricsTest, OnlyServedResourcesHaveSeries) {
  Observe("pods", 200);
  Observe("pods", 200);
  Observe("pods", 403);
  for (int i = 0; i < 50; ++i) {
    for (int status : {401, 403, 404, 405}) Observe("made-up-" + std::to_string(i), status);
  }
  std::string text = registry_.Expose();
  EXPECT_NE(text.find("apiserver_request_total{code=\"200\",group=\"\",resource=\"pods\","
                      "scope=\"namespace\",subresource=\"\",verb=\"LIST\",version=\"v1\"} 2"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("made-up"), std::string::npos);
  EXPECT_EQ(SeriesOf("apiserver_request_total"), 2u + 4u);
}

TEST_F(RequestMetricsTest, OtherPathsAreOneSeriesPerCode) {
  for (const char* method : {"get", "post", "brew"}) {
    RequestInfo info;
    info.path = "/healthz";
    info.verb = method;
    metrics_.Observe(info, 200, 1ms);
  }
  EXPECT_EQ(SeriesOf("apiserver_request_total"), 1u);
}

}  // namespace
}  // namespace wherry::apiserver::filters
