// Shows what a scheduler costs others while many pods fit nowhere.

#include "scheduler/app.h"

#include "lib/http/in_process.h"
#include "lib/loop/sync.h"
#include "lib/telemetry/log.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/policy/v1.pb.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace wherry::scheduler {
namespace {

namespace core = api::core::v1;
using namespace std::chrono_literals;

class SilentWatch : public http::BodySource {
 public:
  explicit SilentWatch(Loop& loop) : loop_(loop) {}
  Task<Result<std::optional<http::Chunk>>> Next() override {
    co_await SleepFor(loop_, 1h);
    co_return std::optional<http::Chunk>();
  }

 private:
  Loop& loop_;
};

// An API server with pods that wait and no node; to write a pod's status takes it a second.
class PendingPods : public http::Handler {
 public:
  PendingPods(Loop& loop, int pods) : loop_(loop) {
    pods_->mutable_metadata()->set_resourceversion("10");
    for (int i = 0; i < pods; ++i) {
      core::Pod& pod = *pods_->add_items();
      pod.mutable_metadata()->set_name("pod-" + std::to_string(i));
      pod.mutable_metadata()->set_namespace_("default");
      // The first to be tried has the last uid.
      pod.mutable_metadata()->set_uid("uid-" + std::to_string(99 - i));
      pod.mutable_spec()->set_schedulername("default-scheduler");
    }
  }

  Task<http::Response> Handle(http::Request request) override {
    http::Response response;
    if (request.method == "PATCH") {
      if (request.target.find("/status") != std::string::npos) {
        patched.push_back(request.target);
        most_under_way = std::max(most_under_way, ++under_way_);
        co_await SleepFor(loop_, 1s);
        --under_way_;
      }
      response.object = std::make_shared<core::Pod>();
    } else if (request.method == "POST") {
      response.object = std::make_shared<core::Event>();
    } else if (request.target.find("watch=") != std::string::npos) {
      response.stream = std::make_unique<SilentWatch>(loop_);
    } else if (request.path().ends_with("/pods")) {
      response.object = pods_;
    } else {
      response.object = EmptyList(request.path());
    }
    co_return response;
  }

  std::vector<std::string> patched;
  int most_under_way = 0;

 private:
  static std::shared_ptr<google::protobuf::Message> EmptyList(std::string_view path) {
    if (path.ends_with("/nodes")) return Versioned<core::NodeList>();
    if (path.ends_with("/namespaces")) return Versioned<core::NamespaceList>();
    return Versioned<api::policy::v1::PodDisruptionBudgetList>();
  }
  template <typename List>
  static std::shared_ptr<List> Versioned() {
    auto list = std::make_shared<List>();
    list->mutable_metadata()->set_resourceversion("10");
    return list;
  }

  Loop& loop_;
  std::shared_ptr<core::PodList> pods_ = std::make_shared<core::PodList>();
  int under_way_ = 0;
};

class SchedulerAppTest : public testing::Test {
 protected:
  SimWorld sim_{1};
  Loop& loop_ = sim_.world().loop;
  telemetry::LogCapture logs_;
  PendingPods api_{loop_, 40};
  http::InProcessRoundTripper transport_{api_};
  client::ApiClient client_{loop_, transport_, {.in_process = true}};
  App app_{sim_.world(), client_, {}};
};

TEST_F(SchedulerAppTest, TheLoopIsHeldForOnePodAtATime) {
  app_.Start();
  sim_.Advance(500ms);
  ASSERT_TRUE(app_.HasSynced());
  ASSERT_FALSE(api_.patched.empty());
  // Others had a turn between the first pod's attempt and the last one's.
  EXPECT_NE(api_.patched.front().find("/pods/pod-0/status"), std::string::npos)
      << api_.patched.front();
}

TEST_F(SchedulerAppTest, FewConditionsAreWrittenAtOnceAndEachIsWritten) {
  app_.Start();
  sim_.Advance(20s);
  EXPECT_EQ(api_.patched.size(), 40u);
  EXPECT_LE(api_.most_under_way, 8);
  EXPECT_GT(api_.most_under_way, 1);
}

}  // namespace
}  // namespace wherry::scheduler
