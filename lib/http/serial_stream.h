#pragma once

#include "lib/http/message.h"
#include "lib/loop/sync.h"

#include <memory>
#include <string>
#include <utility>

namespace wherry::http {

// A ByteStream that several coroutines may write to: whole writes, one after another. Loop thread.
class SerialStream : public ByteStream {
 public:
  SerialStream(Loop& loop, std::unique_ptr<ByteStream> stream)
      : stream_(std::move(stream)), free_(loop) {}

  Task<Result<std::string>> Read() override { return stream_->Read(); }
  Task<Status> Write(std::string bytes) override {
    while (busy_) co_await free_.Wait();
    // A writer that is cancelled makes room too.
    struct Turn {
      SerialStream& stream;
      ~Turn() {
        stream.busy_ = false;
        stream.free_.Notify();
      }
    };
    busy_ = true;
    const Turn turn{*this};
    auto writing = stream_->Write(std::move(bytes));
    auto written = co_await std::move(writing);
    co_return written;
  }
  void Close() override { stream_->Close(); }

 private:
  std::unique_ptr<ByteStream> stream_;
  bool busy_ = false;
  Notifier free_;
};

}  // namespace wherry::http
