#include "apiserver/storage/sqlite/read_thread.h"

#include <pthread.h>

#include <utility>

namespace wherry::apiserver::storage {

ReadThread::ReadThread(std::string path) : path_(std::move(path)), thread_([this] { Run(); }) {}

ReadThread::~ReadThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ReadThread::Submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ReadThread::Run() {
  pthread_setname_np(pthread_self(), "storage-read");
  while (true) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      jobs = std::exchange(jobs_, {});
    }
    for (Job& job : jobs) Answer(job);
  }
}

void ReadThread::Answer(Job& job) {
  if (tables_ == nullptr) {
    auto opened = Tables::OpenReader(path_);
    if (!opened.ok()) return job(opened.error());
    tables_ = std::move(opened).value();
  }
  if (auto begun = tables_->BeginRead(); !begun.ok()) return job(begun.error());
  job(tables_.get());
  tables_->EndRead();
}

}  // namespace wherry::apiserver::storage
