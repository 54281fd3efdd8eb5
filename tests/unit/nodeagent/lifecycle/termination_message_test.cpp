#include "nodeagent/lifecycle/termination_message.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

// A program writes what went wrong last.
TEST(ReadTerminationMessage, KeepsTheEndOfALongFile) {
  auto directory = linux::TempDir::Make("/tmp", "wherry-message-");
  ASSERT_TRUE(directory.ok());
  const std::string file = directory->path() + "/message";
  const std::string end = std::string(4090, 'x') + "error\n";
  ASSERT_TRUE(linux::ReplaceFile(AT_FDCWD, file, std::string(6000, 'y') + end, 0600,
                                 linux::Durability::kPageCache)
                  .ok());
  EXPECT_EQ(ReadTerminationMessage({.file = file, .log = ""}), end);
  ASSERT_TRUE(
      linux::ReplaceFile(AT_FDCWD, file, "short", 0600, linux::Durability::kPageCache).ok());
  EXPECT_EQ(ReadTerminationMessage({.file = file, .log = ""}), "short");
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
