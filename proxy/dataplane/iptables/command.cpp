#include "proxy/dataplane/iptables/command.h"

#include "lib/linux/command.h"
#include "lib/loop/sync.h"

namespace wherry::proxy::dataplane {

Task<Result<std::string>> RunCommand(Loop& loop, std::vector<std::string> arguments,
                                     std::string input) {
  CO_TRY(linux::Command command, linux::Command::Start(std::move(arguments), input));
  co_await FdReady(loop, command.pidfd().get(), Loop::FdEvent::kReadable);
  co_return command.Finish();
}

}  // namespace wherry::proxy::dataplane
