#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/linux/seccomp.h"
#include "nodeagent/init/container_files.h"
#include "nodeagent/init/frames.h"
#include "nodeagent/init/protocol.h"

#include <sys/types.h>

namespace wherry::nodeagent::init {

// What the processes of one pod have in common.
struct PodContext {
  bool host_pid = false;
  linux::Fd pid_namespace;               // of a pod that shares one, else none
  linux::SeccompProgram default_filter;  // for the default capabilities
  // The node's /proc, which is mounted nowhere: a path into it would be a way out of containers.
  linux::Fd proc;
};

// A child that is preparing itself. `report` is readable when it says something: frames whose body
// is a ChildReport byte and text. Its end without a report means that the program runs.
struct StartedChild {
  pid_t pid = -1;
  linux::Fd pidfd;
  linux::Fd report;
};

enum class ChildReport : char {
  kSetupFailed = 'E',  // a step before the program failed
  kInvalid = 'I',      // the configuration can never run
  kCannotRun = 'S',    // the program could not be executed
  kTerminal = 'T',     // descriptor: the master side of the container's terminal
};

// The three standard descriptors a child takes over; unused with a terminal. Without `in` it reads
// the container's /dev/null.
struct ChildStdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

// Starts the first process of a container in new PID, mount and cgroup namespaces.
// Must already be true: the caller is in the pod's network, IPC and UTS namespaces.
Result<StartedChild> StartContainerChild(const ContainerSpec& spec, const ContainerFiles& files,
                                         const ChildStdio& stdio, const PodContext& pod);

// Starts a further process in a running container: same namespaces, cgroups and privileges.
Result<StartedChild> StartExecChild(const Exec& exec, const ContainerSpec& spec,
                                    const ContainerFiles& files, int container_pidfd,
                                    const ChildStdio& stdio, const PodContext& pod);

// Starts the process that is PID 1 of a pod with one PID namespace: it only reaps.
Result<StartedChild> StartPodReaper();

// The PID namespace of a child, as a descriptor.
Result<linux::Fd> OpenPidNamespace(const PodContext& pod, pid_t child);

// clone3(2): 0 in the child, which shares nothing with the parent. `unified` is the cgroup it is
// born into, -1 for the caller's.
Result<pid_t> CloneProcess(uint64_t flags, int unified, linux::Fd& pidfd);

}  // namespace wherry::nodeagent::init
