#include "nodeagent/runtime/native/exec_command.h"

#include "lib/loop/sync.h"
#include "nodeagent/runtime/native/exec_output.h"

namespace wherry::nodeagent::runtime::native {

Task<Result<ExecResult>> RunCommand(Loop& loop, std::shared_ptr<NativePod> pod,
                                    std::string container, std::vector<std::string> command,
                                    std::chrono::milliseconds timeout) {
  CO_TRY(ExecStreams streams, OpenExecStreams());
  auto output = std::make_shared<ExecOutput>(loop, std::move(streams.output));
  init::Exec exec{
      .id = pod->NextExecId(), .container = std::move(container), .arguments = std::move(command)};
  uint64_t id = exec.id;
  auto call = pod->Exec(std::move(exec), std::move(streams.fds));
  if (timeout <= std::chrono::milliseconds(0)) timeout = std::chrono::hours(24);
  auto exited = co_await WithTimeout(loop, timeout, std::move(call));
  if (!exited.ok()) {
    pod->KillExec(id);
    if (exited.error().reason == Reason::kTimeout) {
      co_return MakeError(Reason::kTimeout, "command timed out");
    }
    co_return std::move(exited).error();
  }
  if (!exited->error.empty()) {
    co_return MakeError(Reason::kInternalError, "failed to exec in container: " + exited->error);
  }
  ExecResult result{.exit_code = exited->exit_code, .output = output->TakeAll()};
  co_return result;
}

}  // namespace wherry::nodeagent::runtime::native
