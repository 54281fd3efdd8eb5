#include "nodeagent/runtime/native/launcher_client.h"

#include "lib/linux/socket.h"

#include <csignal>

namespace wherry::nodeagent::runtime::native {

// The entry of a call that may be cancelled at any time.
struct LauncherClient::Waiting {
  std::shared_ptr<Calls> all;
  uint64_t sequence;
  ~Waiting() { all->erase(sequence); }
};

LauncherClient::LauncherClient(Loop& loop, std::string program)
    : loop_(loop), program_(std::move(program)) {}

// It ends by itself when the connection closes; supervisors are not its problem.
LauncherClient::~LauncherClient() = default;

Status LauncherClient::Prepare() {
  if (connection_ != nullptr && !connection_->closed()) return Ok();
  TRY(auto pair, linux::StreamSocketPair(true));
  linux::Process::Options options{.arguments = {program_, "launcher"},
                                  .inherit = {{pair.second.get(), 3}},
                                  .new_session = true};
  TRY(process_, linux::Process::Spawn(options));
  connection_ = std::make_unique<InitConnection>(
      loop_, std::move(pair.first), [this](init::Frame frame) { OnFrame(std::move(frame)); },
      [this] { OnClosed(); });
  return Ok();
}

Task<Result<LauncherClient::Supervisor>> LauncherClient::StartSupervisor(
    init::StartSupervisor request, std::vector<linux::Fd> fds) {
  CO_TRY_STATUS(Prepare());
  request.sequence = ++sequence_;
  OneShot<Result<Supervisor>> shot(loop_);
  waiting_->emplace(request.sequence, shot);
  Waiting waiting{.all = waiting_, .sequence = request.sequence};
  connection_->Send(init::Encode(init::MessageType::kStartSupervisor, request), std::move(fds));
  auto started = co_await shot.Wait();
  co_return started;
}

void LauncherClient::OnFrame(init::Frame frame) {
  auto message = init::Decode<init::SupervisorStarted>(frame.body);
  if (!message.ok()) return;
  auto found = waiting_->find(message->sequence);
  if (found == waiting_->end()) {
    // Too late: the pod was given up, and nobody else will ever know this process.
    if (frame.fds.size() == 1) {
      linux::Pidfd supervisor(std::move(frame.fds[0]));
      Ignore(supervisor.Signal(SIGKILL), "it may have ended");
    }
    return;
  }
  OneShot<Result<Supervisor>> shot = found->second;
  waiting_->erase(found);
  if (frame.fds.size() != 1) {
    shot.Set(MakeError(Reason::kInternalError, "start a supervisor: " + message->error));
    return;
  }
  shot.Set(Supervisor{.pid = message->pid, .pidfd = linux::Pidfd(std::move(frame.fds[0]))});
}

void LauncherClient::OnClosed() {
  auto waiting = std::exchange(*waiting_, {});
  for (auto& [sequence, shot] : waiting) {
    shot.Set(MakeError(Reason::kServiceUnavailable, "the launcher of supervisors has ended"));
  }
}

}  // namespace wherry::nodeagent::runtime::native
