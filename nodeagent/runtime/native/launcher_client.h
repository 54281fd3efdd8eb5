#pragma once

#include "lib/base/result.h"
#include "lib/linux/process.h"
#include "lib/loop/sync.h"
#include "lib/loop/task.h"
#include "nodeagent/init/protocol.h"
#include "nodeagent/runtime/native/init_connection.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// The launcher program, started at once and again whenever it has died. Loop thread.
class LauncherClient {
 public:
  LauncherClient(Loop& loop, std::string program);
  ~LauncherClient();

  // Starts the program now, so that it is ready when the first pod comes.
  Status Prepare();

  struct Supervisor {
    int pid = 0;
    linux::Pidfd pidfd;
  };
  // `fds` as StartSupervisor says. A supervisor that comes after the call was cancelled is killed.
  Task<Result<Supervisor>> StartSupervisor(init::StartSupervisor request,
                                           std::vector<linux::Fd> fds);

 private:
  using Calls = std::map<uint64_t, OneShot<Result<Supervisor>>>;
  struct Waiting;

  void OnFrame(init::Frame frame);
  void OnClosed();

  Loop& loop_;
  std::string program_;
  linux::Process process_;
  std::unique_ptr<InitConnection> connection_;
  std::shared_ptr<Calls> waiting_ = std::make_shared<Calls>();
  uint64_t sequence_ = 0;
};

}  // namespace wherry::nodeagent::runtime::native
