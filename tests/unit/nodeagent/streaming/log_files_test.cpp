#include "nodeagent/streaming/log_files.h"

#include "lib/linux/file.h"
#include "lib/linux/temp_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace wherry::nodeagent::streaming {
namespace {

class LogFilesTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    auto fd = linux::OpenAt(AT_FDCWD, Path(name), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_TRUE(fd.ok());
    ASSERT_TRUE(linux::WriteAll(fd->get(), text).ok());
  }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(::rename(Path(from).c_str(), Path(to).c_str()), 0);
  }
  void Remove(const std::string& name) { ASSERT_EQ(::unlink(Path(name).c_str()), 0); }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  static std::string ReadAll(LogFiles& files) {
    std::string text;
    std::string buffer(4, '\0');
    while (true) {
      auto piece = files.Read(buffer);
      if (!piece.ok()) return "<" + piece.error().message + ">";
      if (piece->size == 0) return text;
      if (piece->begins_file) text += '|';
      text.append(buffer, 0, piece->size);
    }
  }

  linux::TempDir directory_{std::move(linux::TempDir::Make("/tmp", "wherry-log-").value())};
  LogFiles files_{Path("0.log")};
};

TEST_F(LogFilesTest, ReadsTheOldestFirst) {
  Write("0.log.20261122-100000", "one\n");
  Write("0.log.20261122-100000.001", "two\n");
  Write("0.log", "three\n");
  Write("1.log", "of another attempt\n");
  ASSERT_TRUE(files_.Open(std::nullopt, false).ok());
  EXPECT_EQ(ReadAll(files_), "|one\n|two\n|three\n");
}

TEST_F(LogFilesTest, BeginsAtTheTail) {
  Write("0.log.1", "one\ntwo\n");
  Write("0.log", "three\nfour\n");
  ASSERT_TRUE(files_.Open(3, false).ok());
  EXPECT_EQ(ReadAll(files_), "|two\n|three\nfour\n");
}

TEST_F(LogFilesTest, AFileThatIsGoneBeforeItIsOpenedIsLeftOut) {
  Write("0.log.1", "one\n");
  ASSERT_EQ(::symlink("nowhere", Path("0.log.2").c_str()), 0);  // listed, and cannot be opened
  Write("0.log.3", "three\n");
  Write("0.log", "four\n");
  ASSERT_TRUE(files_.Open(std::nullopt, false).ok());
  Remove("0.log.3");
  EXPECT_EQ(ReadAll(files_), "|one\n|four\n");
}

TEST_F(LogFilesTest, TwoRotationsBetweenReadsSkipNothing) {
  Write("0.log", "one\n");
  ASSERT_TRUE(files_.Open(std::nullopt, true).ok());
  EXPECT_EQ(ReadAll(files_), "|one\n");
  Write("0.log", "more\n");
  Rename("0.log", "0.log.1");
  Write("0.log", "two\n");
  Rename("0.log", "0.log.2");
  Write("0.log", "three\n");
  EXPECT_EQ(ReadAll(files_), "more\n|two\n|three\n");
  Write("0.log", "four\n");
  EXPECT_EQ(ReadAll(files_), "four\n");
}

TEST_F(LogFilesTest, GoesOnWithTheOldestThatIsLeftWhenItsFileWasRemoved) {
  Write("0.log", "one\n");
  ASSERT_TRUE(files_.Open(std::nullopt, true).ok());
  EXPECT_EQ(ReadAll(files_), "|one\n");
  Remove("0.log");
  EXPECT_EQ(ReadAll(files_), "");  // between rename and creation
  Write("0.log.2", "two\n");
  Write("0.log", "three\n");
  EXPECT_EQ(ReadAll(files_), "|two\n|three\n");
}

TEST_F(LogFilesTest, WithoutFollowTheTextEndsWhereItEndedAtTheStart) {
  Write("0.log", "one\n");
  ASSERT_TRUE(files_.Open(std::nullopt, false).ok());
  Rename("0.log", "0.log.1");
  Write("0.log", "two\n");
  EXPECT_EQ(ReadAll(files_), "|one\n");
}

TEST_F(LogFilesTest, NoFileIsNotFound) {
  auto opened = files_.Open(std::nullopt, false);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().reason, Reason::kNotFound);
}

}  // namespace
}  // namespace wherry::nodeagent::streaming
