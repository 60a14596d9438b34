#include "core/isolation/frame.hpp"

#include <gtest/gtest.h>

#include "core/isolation/payload.hpp"
#include "core/plugin/interface_table.hpp"

namespace gantry::isolation {
namespace {

Op member(std::string_view id, std::string_view name) {
  for (const auto& known : plugin::find_interface(id)->members) {
    if (known.name == name) return op_of(known.number);
  }
  return Op::kNone;
}

std::string encoded(const Frame& frame) {
  return std::string(encode_header(frame, frame.payload.size()).bytes, kHeaderSize) + frame.payload;
}

TEST(Frame, SurvivesTheWayInAnyPieces) {
  const Frame sent{member("gantry.controller/1", "reconcile"), Kind::kCall, 2, 77, "some payload"};
  const auto bytes = encoded(sent) + encoded({Op::kLogWrite, Kind::kPost, 0, 0, {}});
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader(1000);
    std::vector<Frame> got;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      reader.append(std::string_view(bytes).substr(at, piece));
      Frame frame;
      while (reader.next(frame) == FrameReader::Result::kFrame) got.push_back(frame);
    }
    ASSERT_EQ(got.size(), 2u) << piece;
    EXPECT_EQ(got[0].op, sent.op);
    EXPECT_EQ(got[0].kind, sent.kind);
    EXPECT_EQ(got[0].descriptors, sent.descriptors);
    EXPECT_EQ(got[0].id, sent.id);
    EXPECT_EQ(got[0].payload, sent.payload);
    EXPECT_EQ(got[1].op, Op::kLogWrite);
  }
}

TEST(Frame, EveryOpHasAName) {
  for (int op = 0; op < op_end(); ++op) EXPECT_STRNE(name_of(static_cast<Op>(op)), "") << op;
  EXPECT_STREQ(name_of(member("gantry.controller/1", "reconcile")), "reconcile");
  EXPECT_STREQ(name_of(member("gantry.reload/1", "restore")), "restore");
  EXPECT_STREQ(name_of(member("gantry.events/1", "record")), "events record");
  EXPECT_STREQ(name_of(static_cast<Op>(op_end())), "an unknown call");
  EXPECT_STREQ(name_of(Op::kMap), "map");
  EXPECT_STREQ(name_of(Op::kCallbackDone), "callback end");
}

void expect_complaint(std::string bytes, const std::string& complaint) {
  FrameReader reader(100);
  reader.append(bytes);
  Frame frame;
  EXPECT_EQ(reader.next(frame), FrameReader::Result::kMalformed);
  EXPECT_EQ(reader.complaint(), complaint);
  // It stays so, whatever comes.
  reader.append(encoded({Op::kLogWrite, Kind::kPost, 0, 0, {}}));
  EXPECT_EQ(reader.next(frame), FrameReader::Result::kMalformed);
}

TEST(Frame, WhatMakesNoSenseIsRefusedByItsHeader) {
  const auto good = encoded({Op::kMap, Kind::kCall, 0, 1, {}});
  const auto with = [&](size_t at, char value) {
    auto bytes = good;
    bytes[at] = value;
    return bytes;
  };
  expect_complaint(with(0, 101), "101 bytes of payload, at most 100 are allowed");
  expect_complaint(with(4, 0), "unknown operation 0");
  expect_complaint(with(5, 1), "unknown operation 260");
  expect_complaint(with(6, 4), "unknown kind 4");
  expect_complaint(with(7, 4), "4 descriptors");
}

TEST(Payload, ReadsWhatWasWrittenAndNoMore) {
  const auto bytes = PayloadWriter().number(int32_t{-5}).bytes("text").number(uint64_t{1} << 40).bytes("").take();
  for (size_t size = 0; size <= bytes.size(); ++size) {
    PayloadReader reader(std::string_view(bytes).substr(0, size));
    reader.number<int32_t>();
    reader.bytes();
    reader.number<uint64_t>();
    reader.bytes();
    EXPECT_EQ(reader.done(), size == bytes.size()) << size;
  }
  PayloadReader reader(bytes);
  EXPECT_EQ(reader.number<int32_t>(), -5);
  EXPECT_EQ(reader.bytes(), "text");
  EXPECT_FALSE(reader.done()) << "something is left";
}

TEST(Payload, LengthsBeyondTheEndReadAsNothing) {
  const auto bytes = PayloadWriter().number(uint32_t{0xffffffff}).take() + "abc";
  PayloadReader reader(bytes);
  EXPECT_EQ(reader.bytes(), "");
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.done());
}

}  // namespace
}  // namespace gantry::isolation
