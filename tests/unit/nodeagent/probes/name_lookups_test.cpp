#include "nodeagent/probes/name_lookups.h"

#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <vector>

namespace wherry::nodeagent::probes {
namespace {

using namespace std::chrono_literals;

// A resolver that says nothing until it is told to; it outlives the lookups that wait for it.
struct SilentResolver {
  std::promise<void> speak;
  std::shared_future<void> spoken = speak.get_future().share();
  std::atomic<int> asked = 0;
};

class NameLookupsTest : public ::testing::Test {
 protected:
  ~NameLookupsTest() override {
    if (!told_) resolver_->speak.set_value();
  }
  void Tell() {
    told_ = true;
    resolver_->speak.set_value();
  }
  // Asks as a probe does: gives up after `timeout`.
  Task<void> Ask(std::string host, std::chrono::nanoseconds timeout) {
    auto finding = names_->Find(std::move(host));
    auto found = WithTimeout(loop_, timeout, std::move(finding));
    answers_.push_back(co_await std::move(found));
  }
  Task<void> Probe(int times) {
    for (int i = 0; i < times; ++i) {
      auto asking = Ask("silent.example", 5ms);
      co_await std::move(asking);
    }
    loop_.Stop();
  }
  Task<void> AskMany(size_t names) {
    for (size_t i = 0; i < names; ++i) {
      auto asking = Ask("n" + std::to_string(i) + ".example", 1ms);
      co_await std::move(asking);
    }
    loop_.Stop();
  }
  Task<void> AskUntilTold() {
    TaskScope scope(loop_);
    for (int i = 0; i < 3; ++i) scope.Spawn("ask", Ask("one.example", 60s));
    co_await SleepFor(loop_, 5ms);
    Tell();
    while (answers_.size() < 3) co_await SleepFor(loop_, 1ms);
    loop_.Stop();
  }

  std::shared_ptr<SilentResolver> resolver_ = std::make_shared<SilentResolver>();
  bool told_ = false;
  RealWorld real_;
  Loop& loop_ = real_.world().loop;
  std::unique_ptr<NameLookups> names_ = std::make_unique<NameLookups>(
      loop_, [resolver = resolver_](const std::string&) -> Result<SocketAddress> {
        ++resolver->asked;
        resolver->spoken.wait();
        return SocketAddress{.length = 16};
      });
  std::vector<Result<SocketAddress>> answers_;
  TaskScope tasks_{loop_};
};

TEST_F(NameLookupsTest, OneLookupIsUnderWayHoweverOftenAProbeAsks) {
  tasks_.Spawn("probe", Probe(10));
  loop_.Run();
  ASSERT_EQ(answers_.size(), 10u);
  for (const auto& answer : answers_) EXPECT_EQ(answer.error().reason, Reason::kTimeout);
  EXPECT_EQ(resolver_->asked, 1);
  names_.reset();  // and its end waits for no resolver
}

TEST_F(NameLookupsTest, TooManyNamesAreRefused) {
  tasks_.Spawn("ask", AskMany(NameLookups::kLookupsMax + 1));
  loop_.Run();
  ASSERT_EQ(answers_.size(), NameLookups::kLookupsMax + 1);
  EXPECT_EQ(answers_.front().error().reason, Reason::kTimeout);
  EXPECT_NE(answers_.back().error().message.find("too many"), std::string::npos);
}

TEST_F(NameLookupsTest, AllWhoWaitGetTheAnswer) {
  tasks_.Spawn("ask", AskUntilTold());
  loop_.Run();
  ASSERT_EQ(answers_.size(), 3u);
  for (const auto& answer : answers_) EXPECT_TRUE(answer.ok());
  EXPECT_EQ(resolver_->asked, 1);
}

}  // namespace
}  // namespace wherry::nodeagent::probes
