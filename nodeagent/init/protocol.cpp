#include "nodeagent/init/protocol.h"

namespace wherry::nodeagent::init {

MessageType TypeOf(std::string_view body) {
  if (body.size() < 8) return MessageType{0};
  return static_cast<MessageType>(body[0]);
}

}  // namespace wherry::nodeagent::init
