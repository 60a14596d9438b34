// What readers derive from a stored version. Thread-safe.
#include "core/apiserver/request/forms.hpp"

#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/wire.hpp"

namespace gantry::apiserver {
namespace {

namespace wire = schema::wire;

struct AttributesForm : store::Derived {
  schema::Attributes attributes;
  size_t size() const override { return sizeof(*this) + attributes.held(); }
};

void fill_heads(const schema::Kind& kind, ProtobufForm& form) {
  const std::string api_version = kind.api_version();
  form.heads.clear();
  wire::put_varint(form.heads, (2 << 3) | 2);
  wire::put_varint(form.heads, form.bytes.size());
  form.ends[0] = static_cast<uint16_t>(form.heads.size());
  for (const auto event : {EventKind::kAdded, EventKind::kModified, EventKind::kDeleted}) {
    form.heads += watch_header(event_name(event), api_version, kind.kind, form.bytes.size());
    form.ends[1 + static_cast<size_t>(event)] = static_cast<uint16_t>(form.heads.size());
  }
  form.heads += envelope_prefix(api_version, kind.kind, form.bytes.size());
  form.ends[4] = static_cast<uint16_t>(form.heads.size());
  form.heads.shrink_to_fit();
}

// The object with this metadata.resourceVersion (ObjectMeta's field 6), in place of one that may be there.
std::string with_version(std::string_view object, store::Revision revision) {
  constexpr uint32_t kMetadata = 1, kResourceVersion = 6;
  wire::Reader reader(object);
  wire::Entry first;
  const bool known = reader.next(first) && first.number == kMetadata;
  const std::string_view metadata = known ? first.bytes : std::string_view();
  const size_t rest = known ? static_cast<size_t>(metadata.data() + metadata.size() - object.data()) : 0;
  size_t cut = 0, resume = 0;
  wire::Reader fields(metadata);
  for (wire::Entry field; fields.next(field) && field.number <= kResourceVersion;) {
    resume = metadata.size() - fields.left();
    if (field.number < kResourceVersion) cut = resume;
  }
  std::string version;
  wire::put_bytes(version, kResourceVersion, std::to_string(revision));
  std::string out;
  out.reserve(object.size() + version.size() + 4);
  wire::put_varint(out, kMetadata << 3 | 2);
  wire::put_varint(out, metadata.size() - (resume - cut) + version.size());
  return out.append(metadata.substr(0, cut))
      .append(version)
      .append(metadata.substr(resume))
      .append(object.substr(rest));
}

// Waits for its revision.
struct WrittenProtobuf final : ProtobufForm {
  explicit WrittenProtobuf(const schema::Kind& k) : kind(k) {}
  void stored(store::Revision revision) override {
    bytes = with_version(bytes, revision);
    fill_heads(kind, *this);
  }
  const schema::Kind& kind;
};

// Keeps `made` in the slot unless another thread was first.
template <typename T>
const T& keep(const store::Entry& entry, size_t slot, std::unique_ptr<T> made) {
  const store::Derived* expected = nullptr;
  if (entry.derived[slot].compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel,
                                                  std::memory_order_acquire)) {
    return *made.release();
  }
  return static_cast<const T&>(*expected);
}

template <typename T>
const T* kept(const store::Entry& entry, size_t slot) {
  return static_cast<const T*>(entry.derived[slot].load(std::memory_order_acquire));
}

size_t varint_size(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

}  // namespace

std::string_view event_name(EventKind kind) {
  switch (kind) {
    case EventKind::kAdded:
      return "ADDED";
    case EventKind::kModified:
      return "MODIFIED";
    default:
      return "DELETED";
  }
}

std::string_view ProtobufForm::metadata() const {
  wire::Reader reader(bytes);
  wire::Entry entry;
  if (!reader.next(entry) || entry.number != 1) return {};
  const auto end = static_cast<size_t>(entry.bytes.data() + entry.bytes.size() - bytes.data());
  return std::string_view(bytes).substr(0, end);
}

std::string envelope_prefix(std::string_view api_version, std::string_view kind, size_t raw_size) {
  std::string type;
  wire::put_bytes(type, 1, api_version);
  wire::put_bytes(type, 2, kind);
  std::string out("k8s\0", 4);
  wire::put_bytes(out, 1, type);
  wire::put_varint(out, (2 << 3) | 2);
  wire::put_varint(out, raw_size);
  return out;
}

std::string watch_header(std::string_view type, std::string_view api_version, std::string_view kind, size_t raw_size) {
  const std::string envelope = envelope_prefix(api_version, kind, raw_size);
  const size_t object = envelope.size() + raw_size + kEnvelopeEnd.size();
  const size_t extension = 1 + varint_size(object) + object;  // RawExtension{raw: object}
  const size_t frame = 2 + type.size() + 1 + varint_size(extension) + extension;
  std::string out;
  out.reserve(40 + envelope.size());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(frame >> shift);
  wire::put_bytes(out, 1, type);
  wire::put_varint(out, (2 << 3) | 2);
  wire::put_varint(out, extension);
  wire::put_varint(out, (1 << 3) | 2);
  wire::put_varint(out, object);
  return out + envelope;
}

const schema::Attributes& attributes(const schema::Kind& kind, const store::Entry& entry) {
  if (const auto* form = kept<AttributesForm>(entry, 0)) return form->attributes;
  auto form = std::make_unique<AttributesForm>();
  form->attributes = schema::attributes_of(kind, parse_entry(entry));
  return keep(entry, 0, std::move(form)).attributes;
}

const ProtobufForm& protobuf(const schema::Kind& kind, const store::Entry& entry) {
  if (const auto* form = kept<ProtobufForm>(entry, 1)) return *form;
  auto form = std::make_unique<ProtobufForm>();
  Json document = parse_entry(entry);
  auto bytes = schema::encode_protobuf(*kind.message, document);
  // Stored before the kind's fields changed, or never written by the server: what does not fit is not shown.
  if (!bytes && schema::fit(*kind.message, document)) bytes = schema::encode_protobuf(*kind.message, document);
  if (bytes) form->bytes.assign(*bytes);  // exactly as long as needed, as it stays
  fill_heads(kind, *form);
  return keep(entry, 1, std::move(form));
}

void derive(const schema::Kind& kind, const Json& document, store::Write& write) {
  auto attributes = std::make_unique<AttributesForm>();
  attributes->attributes = schema::attributes_of(kind, document);
  write.derived[0] = std::move(attributes);
  auto form = std::make_unique<WrittenProtobuf>(kind);
  auto bytes = schema::encode_protobuf(*kind.message, document);
  if (!bytes) return;  // then a reader finds out
  form->bytes = std::move(*bytes);
  write.derived[1] = std::move(form);
}

size_t size_of(const store::Write& write) {
  size_t bytes = write.value.size();
  for (const auto& form : write.derived) bytes += form == nullptr ? 0 : form->size();
  return bytes;
}

Json parse_entry(const store::Entry& entry) { return *parse_entry(entry, nullptr); }

Expected<Json> parse_entry(const store::Entry& entry, const std::shared_ptr<limits::Account>& account) {
  auto document = schema::parse_json(entry.value, schema::kMaxDepth, account);
  if (document || limits::is_refusal(document.error())) return document;
  return Json(JsonObject());  // not what the server wrote
}

std::string_view item_json(const schema::Kind& kind, const store::Entry& entry) {
  std::string_view json = entry.value;
  const std::string prefix = "{\"kind\":\"" + kind.kind + "\",\"apiVersion\":\"" + kind.api_version() + "\",";
  return json.substr(json.starts_with(prefix) ? prefix.size() : 1);
}

}  // namespace gantry::apiserver
