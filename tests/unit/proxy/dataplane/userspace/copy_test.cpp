// Shows that one connection whose both ends are always ready does not keep the others waiting.

#include "proxy/dataplane/userspace/copy.h"

#include "lib/linux/fd.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace wherry::proxy::dataplane {
namespace {

using linux::Fd;

Task<void> CopyAndMark(Loop& loop, int from, int to, bool* ended) {
  auto copied = co_await Copy(loop, from, to);
  EXPECT_TRUE(copied.ok());
  *ended = true;
}

TEST(CopyTest, OthersHaveTheirTurnDuringAFastFlow) {
  // A source that always has something, and a sink that always takes it: datagrams that find no
  // room are dropped.
  const Fd source(::memfd_create("source", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(source.get(), 8 << 20), 0);
  const Fd sink(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(sink.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(sink.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Fd out(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::connect(out.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

  SimWorld sim(1);
  Loop& loop = sim.world().loop;
  TaskScope scope(loop);
  bool ended = false;
  bool ended_before_others = true;
  scope.Spawn("copy", CopyAndMark(loop, source.get(), out.get(), &ended));
  loop.Post([&] { ended_before_others = ended; });
  sim.Settle();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ended_before_others);
}

}  // namespace
}  // namespace wherry::proxy::dataplane
