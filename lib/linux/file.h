#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"

#include <fcntl.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>

// Files by directory descriptor and relative path. `dir` may be AT_FDCWD. Blocking; any thread.
// Every descriptor is close-on-exec.
namespace wherry::linux {

Result<Fd> OpenAt(int dir, const std::string& path, int flags, mode_t mode = 0);
// For later *at calls only (O_PATH | O_DIRECTORY).
Result<Fd> OpenDirectory(int dir, const std::string& path);

// The whole file. Errors: kRequestEntityTooLarge above `bytes_max`.
Result<std::string> ReadFile(int dir, const std::string& path, size_t bytes_max = 16 << 20);
// Reads `fd` to its end.
Result<std::string> ReadAll(int fd, size_t bytes_max);
// One write(2) to an existing file: for cgroupfs and procfs, whose files take a value per write.
Status WriteValue(int dir, const std::string& path, std::string_view value);
// Writes all of `data` to `fd`.
Status WriteAll(int fd, std::string_view data);

enum class Durability { kPageCache, kDisk };
// Replaces `name` in `dir` by a new file, all or nothing: temporary file, rename(2), with fsync of
// file and directory when kDisk is asked for.
Status ReplaceFile(int dir, const std::string& name, std::string_view data, mode_t mode,
                   Durability durability);
// fsync(2) of a directory or file.
Status Sync(int dir, const std::string& path);

// Makes `path` and what is missing above it; existing directories are fine.
Status MakeDirs(int dir, const std::string& path, mode_t mode);
// Removes `name` in `dir` and everything below it; what is already gone is fine. Does not follow
// symbolic links and does not cross into other mounts by name.
Status RemoveTree(int dir, const std::string& name);
// Calls `visit` with the name of every entry of the directory, "." and ".." left out.
Status ForEachEntry(
    int dir, const std::string& path,
    const std::function<Status(const std::string& name, unsigned char type)>& visit);

// openat2(2) with RESOLVE_IN_ROOT: `root` is "/" for absolute paths, links and "..". Magic links
// are refused. Errors: kMethodNotAllowed when the kernel has no openat2 (Linux < 5.6).
Result<Fd> OpenInRoot(int root, const std::string& path, int flags, mode_t mode = 0);
// openat2(2) with RESOLVE_BENEATH: leaving `root` on the way is an error (EXDEV).
Result<Fd> OpenBeneath(int root, const std::string& path, int flags, mode_t mode = 0);
// The directory `path` inside `root`, made where missing; links are resolved inside `root`.
Result<Fd> MakeDirsInRoot(int root, const std::string& path, mode_t mode);

}  // namespace wherry::linux
