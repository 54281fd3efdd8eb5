#pragma once

#include "lib/http/message.h"
#include "lib/loop/sync.h"
#include "lib/loop/world.h"

#include <memory>
#include <string>
#include <utility>

namespace wherry::nodeagent::streaming {

// A ByteStream that several coroutines may write to: whole writes, one after another. Loop thread.
class SerialStream : public http::ByteStream {
 public:
  SerialStream(Loop& loop, std::unique_ptr<http::ByteStream> stream)
      : stream_(std::move(stream)), free_(loop) {}

  Task<Result<std::string>> Read() override { return stream_->Read(); }
  Task<Status> Write(std::string bytes) override {
    while (busy_) co_await free_.Wait();
    busy_ = true;
    auto writing = stream_->Write(std::move(bytes));
    auto written = co_await std::move(writing);
    busy_ = false;
    free_.Notify();
    co_return written;
  }
  void Close() override { stream_->Close(); }

 private:
  std::unique_ptr<http::ByteStream> stream_;
  bool busy_ = false;
  Notifier free_;
};

}  // namespace wherry::nodeagent::streaming
