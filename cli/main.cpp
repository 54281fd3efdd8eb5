#include "cli/commands.h"
#include "cli/config_file.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr int kUsage = 2;

// 0 for --help and --version, which end a parse too.
int UsageError(const CLI::App& app, const CLI::ParseError& error) {
  return app.exit(error) == 0 ? 0 : kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The Kubernetes API in one small boat."};
  app.name("wherry");
  app.require_subcommand(1);
  app.set_version_flag("--version", WHERRY_VERSION);
  app.failure_message(CLI::FailureMessage::simple);
  wherry::cli::Run run;
  using Add = void (*)(CLI::App&, wherry::cli::Run&);
  for (Add add :
       {wherry::cli::AddUpCommand, wherry::cli::AddServerCommand, wherry::cli::AddAgentCommand,
        wherry::cli::AddImageCommand, wherry::cli::AddTokenCommand, wherry::cli::AddResetCommand,
        wherry::cli::AddApiserverCommand, wherry::cli::AddControllerManagerCommand,
        wherry::cli::AddSchedulerCommand, wherry::cli::AddNodeagentCommand,
        wherry::cli::AddProxyCommand}) {
    add(app, run);
  }
  for (CLI::App* command : app.get_subcommands({}))
    command->config_formatter(wherry::cli::MakeYamlConfig());
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    const std::vector<std::string> unknown = app.remaining(true);
    if (unknown.empty() || unknown.front().starts_with('-')) return UsageError(app, error);
    std::fprintf(stderr, "unknown command '%s'\nRun with --help for more information.\n",
                 unknown.front().c_str());
    return kUsage;
  } catch (const CLI::ParseError& error) {
    return UsageError(app, error);
  }
  return run();
}
