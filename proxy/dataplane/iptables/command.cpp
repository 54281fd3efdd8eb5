#include "proxy/dataplane/iptables/command.h"

#include "lib/linux/fd.h"
#include "lib/linux/process.h"
#include "lib/loop/sync.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;

// A file in memory: unlike a pipe it takes any amount without somebody reading at the other end.
Result<Fd> MemoryFile(std::string_view contents) {
  Fd file(::memfd_create("command", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "memfd_create");
  while (!contents.empty()) {
    const ssize_t written = ::write(file.get(), contents.data(), contents.size());
    if (written < 0) return ErrnoError(errno, "write to a memory file");
    contents.remove_prefix(static_cast<size_t>(written));
  }
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

Task<Result<std::string>> RunCommand(Loop& loop, std::vector<std::string> arguments,
                                     std::string input) {
  CO_TRY(arguments[0], FindProgram(arguments[0]));
  CO_TRY(Fd in, MemoryFile(input));
  CO_TRY(Fd out, MemoryFile(""));
  CO_TRY(Fd err, MemoryFile(""));
  linux::Process::Options options;
  options.arguments = arguments;
  options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  options.inherit = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}};
  CO_TRY(linux::Process process, linux::Process::Spawn(options));
  co_await FdReady(loop, process.pidfd().get(), Loop::FdEvent::kReadable);
  CO_TRY(int status, process.Reap());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    CO_TRY(std::string complaint, ReadFromStart(err));
    co_return MakeError(Reason::kInternalError,
                        "run '" + arguments[0] + "': " + complaint.substr(0, complaint.find('\n')));
  }
  co_return ReadFromStart(out);
}

}  // namespace wherry::proxy::dataplane
