#include "cli/commands.h"
#include "cli/files.h"
#include "cli/keys/pki.h"
#include "cli/options.h"
#include "cli/process.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace wherry::cli {
namespace {

int PrintToken(const std::string& data_dir) {
  auto print = [&data_dir]() -> Status {
    Pki pki;
    TRY(pki.ca.certificate_pem, ReadFile(data_dir + "/pki/ca.crt"));
    TRY(pki.join_token, ReadFile(data_dir + "/pki/join.token"));
    TRY(std::string token, MakeJoinToken(pki));
    std::printf("%s\n", token.c_str());
    return Ok();
  };
  auto printed = print();
  if (!printed.ok()) PrintError(printed.error());
  return printed.ok() ? 0 : 1;
}

}  // namespace

void AddTokenCommand(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "token", "print what `wherry agent --token` takes, on the server's machine");
  command->footer("example: wherry token --data-dir /var/lib/wherry");
  auto options = std::make_shared<ProcessOptions>();
  AddProcessOptions(*command, *options);
  command->callback([options, &run] { run = [options] { return PrintToken(options->data_dir); }; });
}

}  // namespace wherry::cli
