#pragma once

#include "apiserver/storage/sqlite/tables.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wherry::apiserver::storage {

// Reads of the past on a thread and a connection of their own: a scan of history delays no commit.
//
// Each job sees one state of the file, at least as new as everything that was committed before it
// was submitted. Constructed and destroyed on the loop thread.
class ReadThread {
 public:
  // Called on the thread, with the tables or why they cannot be read; posts its own answer.
  using Job = std::function<void(Result<Tables*>)>;

  explicit ReadThread(std::string path);
  // Finishes what is queued, then joins.
  ~ReadThread();
  ReadThread(const ReadThread&) = delete;
  ReadThread& operator=(const ReadThread&) = delete;

  void Submit(Job job);

 private:
  void Run();
  void Answer(Job& job);

  std::string path_;
  std::unique_ptr<Tables> tables_;  // opened by the first job
  std::mutex mutex_;                // guards the two below
  std::vector<Job> jobs_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;  // last: runs on the others
};

}  // namespace wherry::apiserver::storage
