#include "nodeagent/init/exec_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace wherry::nodeagent::init {
namespace {

// As Go's syscall.Errno prints it: the system's text in lower case.
std::string LowerErrorText(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

// 0, or why the file cannot be executed.
int CheckExecutable(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Error ExecError(Reason reason, const std::string& name, const std::string& why) {
  return MakeError(reason, "exec: \"" + name + "\": " + why);
}

}  // namespace

const char* FindVariable(const std::vector<std::string>& environment, const std::string& name) {
  const char* found = nullptr;
  for (const std::string& variable : environment) {
    if (variable.size() > name.size() && variable.starts_with(name) &&
        variable[name.size()] == '=') {
      found = variable.c_str() + name.size() + 1;
    }
  }
  return found;
}

Result<std::string> FindExecutable(const std::string& name,
                                   const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) {
    int error = CheckExecutable(name);
    if (error == 0) return name;
    if (error == EACCES) return ExecError(Reason::kForbidden, name, "permission denied");
    if (error == EISDIR) return ExecError(Reason::kForbidden, name, "is a directory");
    return ExecError(Reason::kNotFound, name, "stat " + name + ": " + LowerErrorText(error));
  }
  const char* variable = FindVariable(environment, "PATH");
  std::string path = variable == nullptr ? "" : variable;
  for (size_t begin = 0; begin <= path.size() && !name.empty();) {
    size_t end = std::min(path.find(':', begin), path.size());
    std::string directory = path.substr(begin, end - begin);
    std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    if (CheckExecutable(candidate) == 0) return candidate;
    begin = end + 1;
  }
  return ExecError(Reason::kNotFound, name, "executable file not found in $PATH");
}

Error Execute(const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment) {
  auto path = FindExecutable(arguments[0], environment);
  if (!path.ok()) return std::move(path).error();
  auto pointers = [](const std::vector<std::string>& strings) {
    std::vector<char*> list;
    for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
  };
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> envp = pointers(environment);
  ::execve(path->c_str(), argv.data(), envp.data());
  return ExecError(Reason::kForbidden, arguments[0], LowerErrorText(errno));
}

}  // namespace wherry::nodeagent::init
