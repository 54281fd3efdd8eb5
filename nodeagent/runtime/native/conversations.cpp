#include "nodeagent/runtime/native/exec_command.h"
#include "nodeagent/runtime/native/exec_session.h"
#include "nodeagent/runtime/native/implementation.h"
#include "nodeagent/runtime/native/pod_streams.h"

namespace wherry::nodeagent::runtime::native {

Task<Result<ExecResult>> Implementation::ExecSync(PodUid uid, std::string name,
                                                  std::vector<std::string> command,
                                                  std::chrono::milliseconds timeout) {
  CO_TRY(PodPtr pod, FindPod(uid));
  if (pod->FindRunning(name) == nullptr) {
    co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
  }
  auto running = RunCommand(loop_, pod, std::move(name), std::move(command), timeout);
  co_return co_await std::move(running);
}

Task<Result<std::unique_ptr<ExecSession>>> Implementation::Exec(PodUid uid, std::string name,
                                                                ExecOptions options) {
  CO_TRY(PodPtr pod, FindPod(uid));
  if (pod->FindRunning(name) == nullptr) {
    co_return MakeError(Reason::kNotFound, "container '" + name + "' is not running");
  }
  init::Exec exec{.id = pod->NextExecId(),
                  .container = name,
                  .arguments = std::move(options.command),
                  .tty = options.tty};
  auto kill = [pod, id = exec.id] { pod->KillExec(id); };
  if (options.tty) {
    auto starting = StartInTerminal(loop_, *pod, std::move(exec), std::move(kill));
    co_return co_await std::move(starting);
  }
  CO_TRY(SessionStreams streams, OpenSessionStreams(options.with_stdin));
  auto call = pod->Exec(std::move(exec), std::move(streams.fds));
  co_return MakeExecSession(loop_, std::move(streams.ours), std::move(call), std::move(kill));
}

Task<Result<std::unique_ptr<ExecSession>>> Implementation::Attach(PodUid uid, std::string name) {
  CO_TRY(PodPtr pod, FindPod(uid));
  auto attaching = pod->Attach(name);
  CO_TRY(NativePod::AttachedStreams streams, co_await std::move(attaching));
  CO_TRY(SessionEnds ends, AttachedEnds(streams));
  std::function<void()> close_input = [] {};
  if (streams.message.stdin_once) {
    close_input = [pod, name, attempt = streams.message.attempt] {
      pod->CloseInput(name, attempt);
    };
  }
  co_return MakeAttachSession(loop_, std::move(ends), std::move(close_input));
}

Task<Result<std::unique_ptr<PodConnection>>> Implementation::Connect(PodUid uid, uint16_t port) {
  CO_TRY(PodPtr pod, FindPod(uid));
  auto connecting = ConnectToPod(loop_, *pod, port);
  co_return co_await std::move(connecting);
}

}  // namespace wherry::nodeagent::runtime::native
