#include "nodeagent/images/tar_path.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::images {
namespace {

TEST(TarPath, IsMadeRelativeAndClean) {
  struct Case {
    const char* path;
    const char* parent;
    const char* name;
  };
  const Case cases[] = {{"bin/sh", "bin", "sh"},
                        {"./bin/sh", "bin", "sh"},
                        {"/etc/passwd", "etc", "passwd"},
                        {"a/./b//c/", "a/b", "c"},
                        {"a/../b", "", "b"},
                        {".", "", ""},
                        {"", "", ""},
                        {"/", "", ""},
                        {"...", "", "..."}};
  for (const auto& [path, parent, name] : cases) {
    auto clean = CleanTarPath(path);
    ASSERT_TRUE(clean.ok()) << path;
    EXPECT_EQ(clean->parent(), parent) << path;
    EXPECT_EQ(clean->name(), name) << path;
  }
}

TEST(TarPath, RefusesToLeaveTheLayer) {
  const std::string cases[] = {"..",
                               "../x",
                               "a/../../x",
                               "/..",
                               "a/b/../../../etc/passwd",
                               std::string("a\0b", 3),
                               std::string(5000, 'x'),
                               "a/" + std::string(256, 'x')};
  for (const std::string& path : cases) EXPECT_FALSE(CleanTarPath(path).ok()) << path.substr(0, 40);
}

TEST(Whiteout, IsToldFromOrdinaryNames) {
  EXPECT_EQ(ParseWhiteout("file")->kind, WhiteoutKind::kNone);
  EXPECT_EQ(ParseWhiteout(".wh.file")->kind, WhiteoutKind::kRemove);
  EXPECT_EQ(ParseWhiteout(".wh.file")->name, "file");
  EXPECT_EQ(ParseWhiteout(".wh..wh..opq")->kind, WhiteoutKind::kOpaque);
  EXPECT_EQ(ParseWhiteout(".wh..wh.plnk")->kind, WhiteoutKind::kIgnore);
  for (const char* name : {".wh.", ".wh..", ".wh..."})
    EXPECT_FALSE(ParseWhiteout(name).ok()) << name;
}

}  // namespace
}  // namespace wherry::nodeagent::images
