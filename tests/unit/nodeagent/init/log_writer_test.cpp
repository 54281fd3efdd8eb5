#include "nodeagent/init/log_writer.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <vector>

namespace wherry::nodeagent::init {
namespace {

using Stream = LogWriter::Stream;

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() : directory_(*linux::TempDir::Make("/tmp", "wherry-log-")) {}
  LogWriter Open(int64_t bytes_max = 1 << 20, int files_max = 5) {
    auto writer =
        LogWriter::Open(*linux::OpenAt(AT_FDCWD, directory_.path(), O_RDONLY | O_DIRECTORY),
                        "0.log", bytes_max, files_max);
    CHECK_OK(writer);
    return std::move(*writer);
  }
  std::string Text() { return *linux::ReadFile(AT_FDCWD, directory_.path() + "/0.log"); }
  // Without time stamps.
  std::string Plain() { return std::regex_replace(Text(), std::regex("(^|\n)[^ ]+ "), "$1"); }
  std::vector<std::string> Files() {
    std::vector<std::string> names;
    CHECK_OK(linux::ForEachEntry(AT_FDCWD, directory_.path(),
                                 [&](const std::string& name, unsigned char) -> Status {
                                   names.push_back(name);
                                   return Ok();
                                 }));
    return names;
  }
  linux::TempDir directory_;
};

TEST_F(LogWriterTest, LinesAreStampedAndStreamsAreTold) {
  LogWriter log = Open();
  log.Write(Stream::kStdout, "one\ntw");
  log.Write(Stream::kStderr, "err\n");
  log.Write(Stream::kStdout, "o\n\n");
  EXPECT_EQ(Plain(), "stdout F one\nstderr F err\nstdout F two\nstdout F \n");
  EXPECT_TRUE(std::regex_search(
      Text(), std::regex(R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F one\n)")));
}

TEST_F(LogWriterTest, LongLinesComeInPieces) {
  LogWriter log = Open();
  log.Write(Stream::kStdout, std::string(16384 + 10, 'x') + "\n");
  EXPECT_EQ(Plain(),
            "stdout P " + std::string(16384, 'x') + "\nstdout F " + std::string(10, 'x') + "\n");
}

TEST_F(LogWriterTest, AnUnfinishedLineIsWrittenAtTheEnd) {
  LogWriter log = Open();
  log.Write(Stream::kStdout, "half");
  EXPECT_EQ(Text(), "");
  log.Finish(Stream::kStdout);
  EXPECT_EQ(Plain(), "stdout P half\n");
}

TEST_F(LogWriterTest, AFullFileIsRotatedAndOldOnesGo) {
  LogWriter log = Open(1000, 2);
  for (int i = 0; i < 10; ++i) log.Write(Stream::kStdout, std::string(1100, 'x') + "\n");
  auto files = Files();
  EXPECT_LE(files.size(), 2u);
  EXPECT_TRUE(std::ranges::find(files, "0.log") != files.end());
  log.Write(Stream::kStdout, "after\n");
  EXPECT_EQ(Plain(), "stdout F after\n");
}

TEST_F(LogWriterTest, FilesThatAreRotatedInTheSameSecondAreAllKept) {
  LogWriter log = Open(1000, 12);
  for (int i = 0; i < 11; ++i) {
    log.Write(Stream::kStdout, std::to_string(i) + " " + std::string(1100, 'x') + "\n");
  }
  auto files = Files();
  ASSERT_EQ(files.size(), 12u);
  std::ranges::sort(files);
  // By name is by age; "0.log" itself comes first.
  for (int i = 0; i < 11; ++i) {
    auto text =
        linux::ReadFile(AT_FDCWD, directory_.path() + "/" + files[static_cast<size_t>(i) + 1]);
    EXPECT_TRUE(text->find("stdout F " + std::to_string(i) + " x") != std::string::npos) << i;
  }
}

TEST_F(LogWriterTest, ALogThatWasThereIsContinued) {
  {
    Open().Write(Stream::kStdout, "one\n");
  }
  Open().Write(Stream::kStdout, "two\n");
  EXPECT_EQ(Plain(), "stdout F one\nstdout F two\n");
}

}  // namespace
}  // namespace wherry::nodeagent::init
