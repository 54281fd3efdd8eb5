#include "nodeagent/streaming/forwarded_port.h"

#include "lib/loop/with_timeout.h"

#include <utility>

namespace wherry::nodeagent::streaming {

namespace {

constexpr size_t kWaitingBytesMax = 256 * 1024;
constexpr std::chrono::minutes kStallTimeout{5};

}  // namespace

ForwardedPort::ForwardedPort(World& world, std::string pod, uint16_t port, Client client)
    : world_(world),
      pod_(std::move(pod)),
      port_(port),
      client_(std::move(client)),
      changed_(world.loop),
      scope_(world.loop) {}

void ForwardedPort::Begin(ConnectToPort connect) {
  scope_.Spawn("forwarded port", Run(std::move(connect)));
}

Task<void> ForwardedPort::Take(std::string bytes) {
  if (ended_) co_return;
  waiting_ += bytes;
  changed_.Notify();
  auto room = [](ForwardedPort& self) -> Task<Status> {
    while (self.waiting_.size() > kWaitingBytesMax && !self.ended_) {
      co_await self.changed_.Wait();
    }
    co_return Ok();
  };
  auto bounded = WithTimeout<Unit>(world_.loop, kStallTimeout, room(*this));
  auto waited = co_await std::move(bounded);
  if (waited.ok()) co_return;
  // The task that ends it tells the client.
  ended_ = true;
  waiting_.clear();
  changed_.Notify();
}

void ForwardedPort::TakeEnd() {
  client_ended_ = true;
  changed_.Notify();
}

Task<void> ForwardedPort::Run(ConnectToPort connect) {
  std::string error;
  auto connecting = connect(port_);
  auto connection = co_await std::move(connecting);
  if (connection.ok()) {
    connection_ = std::move(*connection);
    TaskScope writing(world_.loop);
    writing.Spawn("forwarded port, to the pod", ToPod());
    auto reading = ToClient();
    auto read = co_await std::move(reading);
    writing.Cancel();
    if (!read.ok()) error = read.error().message;
  } else {
    error = "error forwarding port " + std::to_string(port_) + " to pod " + pod_ + ": " +
            connection.error().message;
  }
  connection_.reset();
  ended_ = true;
  waiting_.clear();
  changed_.Notify();
  auto telling = client_.end(std::move(error));
  co_await std::move(telling);
  over_ = true;
}

Task<void> ForwardedPort::ToPod() {
  while (!ended_) {
    if (waiting_.empty() && client_ended_) co_return connection_->CloseWrite();
    if (waiting_.empty()) {
      co_await changed_.Wait();
      continue;
    }
    auto writing = connection_->Write(std::exchange(waiting_, {}));
    auto written = co_await std::move(writing);
    changed_.Notify();
    if (written.ok()) continue;
    // The pod takes no more; what it still says is read.
    while (!ended_) {
      if (!std::exchange(waiting_, {}).empty()) changed_.Notify();
      co_await changed_.Wait();
    }
  }
}

Task<Status> ForwardedPort::ToClient() {
  OneShot<Status> over(world_.loop);
  TaskScope scope(world_.loop);
  auto reading = [](ForwardedPort& self, OneShot<Status> shot) -> Task<void> {
    while (true) {
      auto pulling = self.connection_->Read();
      auto bytes = co_await std::move(pulling);
      if (!bytes.ok() || bytes->empty()) co_return shot.Set(Ok());
      auto telling = self.client_.data(std::move(*bytes));
      auto told = co_await std::move(telling);
      if (!told.ok()) co_return shot.Set(std::move(told));
    }
  };
  auto stalling = [](ForwardedPort& self, OneShot<Status> shot) -> Task<void> {
    while (!self.ended_) co_await self.changed_.Wait();
    shot.Set(MakeError(Reason::kTimeout, "the pod takes no more"));
  };
  scope.Spawn("forwarded port, from the pod", reading(*this, over));
  scope.Spawn("forwarded port, stalled", stalling(*this, over));
  auto waiting = over.Wait();
  auto ended = co_await std::move(waiting);
  co_return ended;
}

}  // namespace wherry::nodeagent::streaming
