#include "lib/linux/fd.h"
#include "nodeagent/init/launcher.h"
#include "nodeagent/init/sealed_program.h"

#include <fcntl.h>

#include <cstdio>
#include <cstring>

// Started by the node agent as `wherry-init launcher`, with a socket as descriptor 3. See
// launcher.h.
int main(int argc, char** argv) {
  constexpr int kControl = 3;
  if (argc != 2 || std::strcmp(argv[1], "launcher") != 0 ||
      ::fcntl(kControl, F_SETFD, 0) != 0) {
    std::fprintf(stderr, "wherry-init is started by wherry; there is no use in calling it\n");
    return 2;
  }
  if (auto running = wherry::nodeagent::init::RunFromSealedCopy(argv); !running.ok()) {
    std::fprintf(stderr, "wherry-init: %s\n", running.error().message.c_str());
    return 1;
  }
  return wherry::nodeagent::init::RunLauncher(wherry::linux::Fd(kControl));
}
