#include "nodeagent/runtime/fake/fake_runtime.h"

#include <csignal>
#include <sstream>

namespace wherry::nodeagent::runtime::fake {

namespace {

bool IsShell(const std::string& program) {
  return program == "sh" || program == "/bin/sh" || program == "bash" || program == "/bin/bash";
}

std::vector<std::vector<std::string>> Statements(const std::vector<std::string>& words) {
  const bool shell = words.size() >= 3 && IsShell(words[0]) && words[1] == "-c";
  if (!shell) return {words};
  std::vector<std::vector<std::string>> statements;
  std::istringstream text(words[2]);
  std::string statement;
  while (std::getline(text, statement, ';')) {
    std::istringstream parts(statement);
    std::vector<std::string> split;
    std::string word;
    while (parts >> word) split.push_back(word);
    if (!split.empty()) statements.push_back(std::move(split));
  }
  return statements;
}

}  // namespace

Script ParseScript(const std::vector<std::string>& command, const std::vector<std::string>& args) {
  std::vector<std::string> words = command;
  words.insert(words.end(), args.begin(), args.end());
  Script script;
  if (words.empty()) return script;
  for (const auto& statement : Statements(words)) {
    const std::string& verb = statement[0];
    const double number = statement.size() > 1 ? std::atof(statement[1].c_str()) : 0;
    if (verb == "sleep") {
      script.runs_forever = false;
      script.lasts += std::chrono::nanoseconds(static_cast<int64_t>(number * 1e9));
    } else if (verb == "exit" || verb == "true" || verb == "false" || verb == "echo") {
      script.runs_forever = false;
      if (verb == "exit") script.exit_code = static_cast<int>(number);
      if (verb == "false") script.exit_code = 1;
      if (verb == "exit") return script;
    } else if (verb == "ignore-term") {
      script.ignore_term = true;
    } else if (verb == "crash") {
      script.runs_forever = false;
      script.signal = SIGSEGV;
      return script;
    } else if (verb == "oom") {
      script.runs_forever = false;
      script.signal = SIGKILL;
      script.reason = "OOMKilled";
      return script;
    } else if (verb == "no-such-file") {
      script.cannot_start = true;
      return script;
    } else {
      script.runs_forever = true;
      return script;
    }
  }
  return script;
}

}  // namespace wherry::nodeagent::runtime::fake
