#pragma once

#include <functional>

namespace CLI {
class App;
}

// One function per command of `wherry`: adds its subcommand and flags, and sets `run` to what main
// calls once the command line has been parsed. `run` returns the exit code.
namespace wherry::cli {

using Run = std::function<int()>;

void AddUpCommand(CLI::App& app, Run& run);
void AddServerCommand(CLI::App& app, Run& run);
void AddAgentCommand(CLI::App& app, Run& run);
void AddApiserverCommand(CLI::App& app, Run& run);
void AddControllerManagerCommand(CLI::App& app, Run& run);
void AddSchedulerCommand(CLI::App& app, Run& run);
void AddNodeagentCommand(CLI::App& app, Run& run);
void AddProxyCommand(CLI::App& app, Run& run);
void AddImageCommand(CLI::App& app, Run& run);
void AddResetCommand(CLI::App& app, Run& run);
void AddTokenCommand(CLI::App& app, Run& run);

}  // namespace wherry::cli
