#pragma once

#include "lib/http/message.h"
#include "lib/loop/loop.h"
#include "lib/loop/sync.h"

#include <memory>
#include <string>

namespace wherry::http {

// Carries bytes between an upgraded connection and another stream, both ways and unchanged, until
// either ends; what had come before that is delivered. Loop thread.
class Relay : public UpgradeHandler {
 public:
  // `first` goes to the connection before all else.
  Relay(Loop& loop, std::unique_ptr<ByteStream> other, std::string first);

  Task<void> Run(std::unique_ptr<ByteStream> stream) override;

 private:
  static Task<void> Pump(ByteStream& from, ByteStream& to, std::string first, OneShot<bool> ended);

  Loop& loop_;
  std::unique_ptr<ByteStream> other_;
  std::string first_;
};

}  // namespace wherry::http
