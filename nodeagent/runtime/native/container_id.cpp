#include "nodeagent/runtime/native/container_id.h"

namespace wherry::nodeagent::runtime::native {

std::string NewContainerId(Random& random) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (int i = 0; i < 4; ++i) {
    uint64_t bits = random.Next();
    for (int j = 0; j < 16; ++j, bits >>= 4) id += kHex[bits & 15];
  }
  return id;
}

}  // namespace wherry::nodeagent::runtime::native
