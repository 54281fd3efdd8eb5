#pragma once

#include "lib/http/message.h"

#include <memory>

namespace wherry::http {

class Connection;

// The server's end of an upgraded connection. Reads and writes fail once the connection is closed.
// Close lets what has been written leave before.
class UpgradedStream : public ByteStream {
 public:
  explicit UpgradedStream(std::shared_ptr<Connection> connection);
  ~UpgradedStream() override;

  Task<Result<std::string>> Read() override;
  Task<Status> Write(std::string bytes) override;
  void Close() override;

 private:
  std::shared_ptr<Connection> connection_;
  bool closed_ = false;
};

}  // namespace wherry::http
