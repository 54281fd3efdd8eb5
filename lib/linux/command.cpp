#include "lib/linux/command.h"

#include "lib/linux/file.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace wherry::linux {
namespace {

// A file in memory: unlike a pipe it takes any amount without somebody reading at the other end.
Result<Fd> MemoryFile(std::string_view contents) {
  Fd file(::memfd_create("command", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "memfd_create");
  TRY_STATUS(WriteAll(file.get(), contents));
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "lseek");
  return file;
}

Result<std::string> ReadFromStart(const Fd& file) {
  std::string contents;
  char buffer[65536];
  off_t at = 0;
  while (true) {
    const ssize_t size = ::pread(file.get(), buffer, sizeof buffer, at);
    if (size < 0) return ErrnoError(errno, "read from a memory file");
    if (size == 0) return contents;
    contents.append(buffer, static_cast<size_t>(size));
    at += size;
  }
}

Result<std::string> FindProgram(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/local/sbin/", "/usr/bin/"}) {
    std::string path = directory + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return MakeError(Reason::kNotFound, "'" + name + "' is not installed");
}

}  // namespace

Result<Command> Command::Start(std::vector<std::string> arguments, const std::string& input) {
  TRY(arguments[0], FindProgram(arguments[0]));
  TRY(Fd in, MemoryFile(input));
  TRY(Fd out, MemoryFile(""));
  TRY(Fd err, MemoryFile(""));
  Process::Options options;
  options.arguments = arguments;
  options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  options.inherit = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}};
  TRY(Process process, Process::Spawn(options));
  return Command(arguments[0], std::move(process), std::move(out), std::move(err));
}

Result<std::string> Command::Finish() {
  TRY(int status, process_.Reap());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    TRY(std::string complaint, ReadFromStart(err_));
    return MakeError(Reason::kInternalError,
                     "run '" + name_ + "': " + complaint.substr(0, complaint.find('\n')));
  }
  return ReadFromStart(out_);
}

Result<std::string> RunCommand(std::vector<std::string> arguments, const std::string& input) {
  TRY(Command command, Command::Start(std::move(arguments), input));
  return command.Finish();
}

}  // namespace wherry::linux
