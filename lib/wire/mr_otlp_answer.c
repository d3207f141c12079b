#include "mr_otlp.h"
#include "otlp.pb-c.h"

static void pack(const ProtobufCMessage *message, struct mr_buf *out)
{
    char *to = mr_buf_reserve(out, protobuf_c_message_get_packed_size(message));
    if (to)
        out->len += protobuf_c_message_pack(message, (uint8_t *)to);
}

static ProtobufCBinaryData bytes_of(struct mr_slice text)
{
    return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

void mr_otlp_write_response(enum mr_otlp_encoding encoding, int64_t rejected,
                            struct mr_slice message, struct mr_buf *out)
{
    bool is_empty = rejected == 0 && message.len == 0;
    if (encoding == MR_OTLP_PROTOBUF) {
        Otlp__ExportLogsServiceResponse response = OTLP__EXPORT_LOGS_SERVICE_RESPONSE__INIT;
        Otlp__ExportLogsPartialSuccess partial = OTLP__EXPORT_LOGS_PARTIAL_SUCCESS__INIT;
        partial.rejected_log_records = rejected;
        partial.error_message = bytes_of(message);
        response.partial_success = is_empty ? NULL : &partial;
        pack(&response.base, out);
        return;
    }
    mr_buf_char(out, '{');
    if (!is_empty) {
        mr_buf_printf(out, "\"partialSuccess\":{\"rejectedLogRecords\":\"%lld\",\"errorMessage\":",
                      (long long)rejected);
        mr_buf_json_string(out, message);
        mr_buf_char(out, '}');
    }
    mr_buf_char(out, '}');
}

void mr_otlp_write_status(enum mr_otlp_encoding encoding, int32_t code, struct mr_slice message,
                          struct mr_buf *out)
{
    if (encoding == MR_OTLP_PROTOBUF) {
        Otlp__Status status = OTLP__STATUS__INIT;
        status.code = code;
        status.message = bytes_of(message);
        pack(&status.base, out);
        return;
    }
    mr_buf_printf(out, "{\"code\":%d,\"message\":", code);
    mr_buf_json_string(out, message);
    mr_buf_char(out, '}');
}
