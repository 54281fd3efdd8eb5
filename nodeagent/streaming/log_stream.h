#pragma once

#include "lib/http/message.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"
#include "nodeagent/streaming/cri_log.h"

#include <functional>
#include <memory>
#include <string>

namespace wherry::nodeagent::streaming {

// A container's log as a body: what its file and the rotated ones before it hold, and with `follow`
// what is written from now on, until the container has ended. Files are read on Blocking, 64 KiB at
// a time; new entries are noticed by inotify(7).
//
// Loop thread. Destroying it ends the reading.
class LogStream : public http::BodySource {
 public:
  // `path` is "<attempt>.log"; rotated files are "<attempt>.log.<time>". `running` says whether
  // more may be written; `ended` is notified when that may have changed, and outlives the stream.
  LogStream(World& world, std::string path, LogOptions options, std::function<bool()> running,
            Notifier& ended);
  ~LogStream() override;

  Task<Result<std::optional<http::Chunk>>> Next() override;

 private:
  struct Reader;
  Task<void> WaitForMore();

  World& world_;
  std::function<bool()> running_;
  Notifier& ended_;
  bool follow_;
  std::shared_ptr<Reader> reader_;
};

}  // namespace wherry::nodeagent::streaming
