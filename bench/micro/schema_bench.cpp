// What one object costs the API server's threads: decode, default, validate, encode of a pod as clusters have them.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "core/kinds/kinds.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/patch/patch.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::schema {
namespace {

[[noreturn]] void give_up(const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

template <typename T>
T need(Expected<T> value) {
  if (!value) give_up(value.error());
  return *std::move(value);
}

struct Sample {
  const SchemaPtr schema = need(Schema::builtin(kinds::all()));
  const Kind& kind = *schema->find_kind("", "v1", "Pod");
  const Message& message = *kind.message;
  Json pod = need(decode(message, Media::kJson, testing::kSamplePod));
  std::string json = encode_json(message, pod);
  std::string protobuf = wrap_protobuf("v1", "Pod", need(encode_protobuf(message, pod)));
  std::string yaml = to_yaml(pod);
};

const Sample& sample() {
  static const Sample made;
  return made;
}

void bytes_of(benchmark::State& state, size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
}

void decode_as(benchmark::State& state, Media media, const std::string& bytes) {
  for (auto _ : state) {
    auto pod = decode(sample().message, media, bytes);
    benchmark::DoNotOptimize(pod);
  }
  bytes_of(state, bytes.size());
}
void DecodeJson(benchmark::State& state) { decode_as(state, Media::kJson, sample().json); }
void DecodeProtobuf(benchmark::State& state) { decode_as(state, Media::kProtobuf, sample().protobuf); }
void DecodeYaml(benchmark::State& state) { decode_as(state, Media::kYaml, sample().yaml); }

void ApplyDefaults(benchmark::State& state) {
  Json pod = sample().pod;
  for (auto _ : state) {
    benchmark::DoNotOptimize(apply_defaults(sample().kind, pod));
    benchmark::DoNotOptimize(pod);
  }
}

void ValidateCreate(benchmark::State& state) {
  for (auto _ : state) {
    auto causes = validate(sample().kind, sample().pod);
    if (!causes.empty()) state.SkipWithError("the sample is not valid");
  }
}

void ValidateStatusUpdate(benchmark::State& state) {
  Json next = sample().pod;
  next.as_object()["status"].as_object()["phase"] = "Failed";
  for (auto _ : state) {
    auto causes = validate(sample().kind, next, &sample().pod);
    benchmark::DoNotOptimize(causes);
  }
}

void EncodeJson(benchmark::State& state) {
  for (auto _ : state) {
    size_t revision_at = 0;
    auto json = encode_json(sample().message, sample().pod, &revision_at);
    benchmark::DoNotOptimize(json);
  }
  bytes_of(state, sample().json.size());
}

void EncodeProtobuf(benchmark::State& state) {
  for (auto _ : state) {
    auto bytes = encode_protobuf(sample().message, sample().pod);
    benchmark::DoNotOptimize(bytes);
  }
  bytes_of(state, sample().protobuf.size());
}

void StrategicPatch(benchmark::State& state) {
  Json patch =
      need(parse_json(R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"web","image":"i:2"}]}})"));
  for (auto _ : state) {
    auto patched = strategic_merge_patch(sample().message, sample().pod, patch);
    benchmark::DoNotOptimize(patched);
  }
}

void TableRow(benchmark::State& state) {
  for (auto _ : state) {
    auto row =
        table_row_json(sample().kind, sample().pod, sample().json, IncludeObject::kMetadata, 1'780'000'000'000'000'000);
    benchmark::DoNotOptimize(row);
  }
}

// What a create does on its thread before the store has it.
void WholeCreate(benchmark::State& state) {
  for (auto _ : state) {
    auto pod = decode(sample().message, Media::kJson, sample().json);
    benchmark::DoNotOptimize(apply_defaults(sample().kind, *pod));
    auto causes = validate(sample().kind, *pod);
    size_t revision_at = 0;
    auto json = encode_json(sample().message, *pod, &revision_at);
    benchmark::DoNotOptimize(causes);
    benchmark::DoNotOptimize(json);
  }
  bytes_of(state, sample().json.size());
}

BENCHMARK(DecodeJson);
BENCHMARK(DecodeProtobuf);
BENCHMARK(DecodeYaml);
BENCHMARK(ApplyDefaults);
BENCHMARK(ValidateCreate);
BENCHMARK(ValidateStatusUpdate);
BENCHMARK(EncodeJson);
BENCHMARK(EncodeProtobuf);
BENCHMARK(StrategicPatch);
BENCHMARK(TableRow);
BENCHMARK(WholeCreate);

}  // namespace
}  // namespace gantry::schema

BENCHMARK_MAIN();
