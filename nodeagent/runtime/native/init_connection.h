#pragma once

#include "lib/base/result.h"
#include "lib/linux/fd.h"
#include "lib/loop/loop.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "nodeagent/init/frames.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::runtime::native {

// One end of a connection to the launcher or to a supervisor. Loop thread.
//
// Frames are sent in order and never block the loop. Each frame that arrives is given to
// `on_frame`; `on_closed` is called once when the connection has ended. Neither is called after
// destruction, and both may destroy the connection.
class InitConnection {
 public:
  InitConnection(Loop& loop, linux::Fd socket, std::function<void(init::Frame)> on_frame,
                 std::function<void()> on_closed);
  ~InitConnection();

  void Send(std::string body, std::vector<linux::Fd> fds);
  bool closed() const { return closed_; }

 private:
  void WatchReadable();
  void OnReadable();
  void Flush();
  void Close();

  Loop& loop_;
  linux::Fd socket_;
  std::function<void(init::Frame)> on_frame_;
  std::function<void()> on_closed_;
  init::FrameReader reader_;
  init::FrameWriter writer_;
  Loop::WatchId read_watch_ = 0;
  Loop::WatchId write_watch_ = 0;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wherry::nodeagent::runtime::native
