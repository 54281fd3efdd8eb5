#include "lib/http/relay.h"

#include "lib/loop/task_scope.h"

#include <utility>

namespace wherry::http {

Relay::Relay(Loop& loop, std::unique_ptr<ByteStream> other, std::string first)
    : loop_(loop), other_(std::move(other)), first_(std::move(first)) {}

Task<void> Relay::Run(std::unique_ptr<ByteStream> stream) {
  OneShot<bool> ended(loop_);
  {
    TaskScope scope(loop_);
    scope.Spawn("relay to client", Pump(*other_, *stream, std::move(first_), ended));
    scope.Spawn("relay from client", Pump(*stream, *other_, "", ended));
    auto waiting = ended.Wait();
    co_await std::move(waiting);
  }
  other_->Close();
}

Task<void> Relay::Pump(ByteStream& from, ByteStream& to, std::string first, OneShot<bool> ended) {
  std::string bytes = std::move(first);
  while (true) {
    if (!bytes.empty()) {
      auto writing = to.Write(std::move(bytes));
      auto written = co_await std::move(writing);
      if (!written.ok()) break;
    }
    auto reading = from.Read();
    auto read = co_await std::move(reading);
    if (!read.ok() || read->empty()) break;
    bytes = std::move(*read);
  }
  ended.Set(true);
}

}  // namespace wherry::http
