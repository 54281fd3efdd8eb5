#include "tests/integration/runtime/node_fixture.h"

#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (::geteuid() == 0 && !wherry::nodeagent::runtime::EnterNamespaces()) {
    std::perror("enter namespaces");
    return 1;
  }
  return RUN_ALL_TESTS();
}
