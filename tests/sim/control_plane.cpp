#include "tests/sim/control_plane.h"

#include "lib/loop/sync.h"

namespace wherry::sim {
namespace {

client::ApiClient::Options As(const std::string& name) {
  client::ApiClient::Options options;
  options.user_agent = name;
  options.in_process = true;
  options.user = http::UserInfo{.name = name, .groups = {"system:masters"}};
  return options;
}

}  // namespace

ControlPlane::ControlPlane(World& world, testing::SimTransport::Faults faults, int nodes,
                           controllers::App::Options options)
    : world_(world),
      controllers_options_(std::move(options)),
      store_(world),
      network_(world, faults),
      user_network_(world, {}),
      controllers_client_(world.loop, network_, As("system:kube-controller-manager")),
      scheduler_client_(world.loop, network_, As("system:kube-scheduler")),
      kubelet_client_(world.loop, network_, As("kubelet")),
      user_(world.loop, user_network_, As("user")) {
  kubelets_.resize(static_cast<size_t>(nodes));
  for (size_t i = 0; i < kubelets_.size(); ++i) StartNode(i);
  RestartApiServer({});
  RestartControllers({});
  RestartScheduler({});
}

ControlPlane::~ControlPlane() {
  controllers_.reset();
  scheduler_.reset();
  kubelets_.clear();
  network_.Disconnect();
  user_network_.Disconnect();
  api_server_scope_.reset();
}

void ControlPlane::StopNode(size_t number) { kubelets_[number].reset(); }

void ControlPlane::StartNode(size_t number) {
  testing::FakeKubelet::Options options;
  options.name = "node-" + std::to_string(number);
  kubelets_[number] =
      std::make_unique<testing::FakeKubelet>(world_, kubelet_client_, std::move(options));
  kubelets_[number]->Start();
}

void ControlPlane::RestartApiServer(std::chrono::milliseconds down) {
  network_.Disconnect();
  user_network_.Disconnect();
  api_server_scope_ = std::make_unique<TaskScope>(world_.loop);
  api_server_.reset();
  api_server_scope_->Spawn("apiserver", RunApiServer(down));
}

Task<void> ControlPlane::RunApiServer(std::chrono::milliseconds wait) {
  co_await SleepFor(world_.loop, wait);
  api_server_ = std::make_unique<apiserver::App>(world_, store_, apiserver::App::Options{});
  auto starting = api_server_->Start();
  const Status started = co_await std::move(starting);
  CHECK_OK(started);
  network_.Connect(api_server_->handler());
  user_network_.Connect(api_server_->handler());
}

void ControlPlane::RestartControllers(std::chrono::milliseconds down) {
  controllers_.reset();
  controllers_scope_ = std::make_unique<TaskScope>(world_.loop);
  controllers_scope_->Spawn("controllers", RunControllers(down));
}

Task<void> ControlPlane::RunControllers(std::chrono::milliseconds wait) {
  co_await SleepFor(world_.loop, wait);
  controllers_ =
      std::make_unique<controllers::App>(world_, controllers_client_, controllers_options_);
  const Status started = controllers_->Start();
  CHECK_OK(started);
}

void ControlPlane::RestartScheduler(std::chrono::milliseconds down) {
  scheduler_.reset();
  scheduler_scope_ = std::make_unique<TaskScope>(world_.loop);
  scheduler_scope_->Spawn("scheduler", RunScheduler(down));
}

Task<void> ControlPlane::RunScheduler(std::chrono::milliseconds wait) {
  co_await SleepFor(world_.loop, wait);
  scheduler_ = std::make_unique<scheduler::App>(world_, scheduler_client_, scheduler::Options{});
  scheduler_->Start();
}

}  // namespace wherry::sim
