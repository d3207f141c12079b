/* Every setting of the project, in the order of --help. A name is added here and read by
 * mr_config_text or mr_config_int; nothing else needs to know it. */
#include "mr_config.h"

#define E                  MR_READER_EDGE
#define W                  MR_READER_WORKER
#define L                  MR_READER_LOADER
#define C                  MR_READER_CTL
#define X                  MR_READER_CLIENT
#define S                  MR_READER_SCRIPTS
#define O                  MR_READER_COLLECT
#define P                  MR_READER_PRODUCE
#define TEXT               .kind = MR_CONFIG_TEXT
#define UUID               .kind = MR_CONFIG_UUID
#define SECRET             .kind = MR_CONFIG_SECRET
#define INTEGER(low, high) .kind = MR_CONFIG_INTEGER, .min = (low), .max = (high)
#define PORT               INTEGER(0, 65535)
#define HOUR_MS            3600000
#define GIB                (INT64_C(1) << 30)

static const struct mr_setting table[] = {
    /* ---- what every program talks to ---- */
    {"KAFKA_BROKERS", "127.0.0.1:19092", "Kafka's bootstrap servers, host:port, ...", TEXT,
     .readers = E | W | L | C | O | P | X | S},
    {"KAFKA_PROPERTIES", NULL, "file of librdkafka properties, for TLS and SASL", TEXT,
     .readers = E | W | L | C | O | P},
    {"PG", "host=127.0.0.1 port=15432 user=millrace dbname=millrace",
     "Postgres of millrace, a libpq connection string", SECRET, .readers = E | W | L | C | X | S},
    {"WAREHOUSE", "host=127.0.0.1 port=15432 user=millrace dbname=warehouse",
     "the warehouse, a libpq connection string", SECRET, .readers = L | C | X | S},
    {"SCHEMAS", MR_SCHEMAS_FOLDER, "folder of the schemas", TEXT,
     .readers = E | W | L | C | O | P | S},
    {"LANES", NULL, "lanes of each domain, to be compared with the topics'", INTEGER(1, 4096),
     .readers = E | C | O | P | S},
    {"OPERATOR_ACCOUNT", NULL, "account of millrace's own logs and samples", UUID,
     .readers = E | W | L | C | O | S},
    {"SAMPLES_MS", "10000", "a program reports itself so often, where OPERATOR_ACCOUNT is set",
     INTEGER(100, HOUR_MS), .unit = "ms", .readers = E | W | L | O},

    /* ---- every long-running program ---- */
    {"ADMIN_ADDRESS", "127.0.0.1", "address of /livez, /readyz and /metrics", TEXT,
     .readers = E | W | L | O | S},
    {"ADMIN_PORT", NULL, "port of /livez, /readyz and /metrics; 0 takes a free one", PORT,
     .readers = E | W | L | O},
    {"LOG_FORMAT", "json", "log lines for programs or for people", TEXT, .choices = "json|text",
     .readers = E | W | L | C | O | P},
    {"LOG_LEVEL", "info", "the least level that is logged", TEXT,
     .choices = "debug|info|warn|error", .readers = E | W | L | C | O | P},
    {"DRAIN_MS", "8000", "how long a stopping edge goes on accepting", INTEGER(0, HOUR_MS),
     .unit = "ms", .readers = E},

    /* ---- the edge ---- */
    {"EDGE_ADDRESS", "0.0.0.0", "address that clients connect to", TEXT, .readers = E | S},
    {"EDGE_PORT", "8080", "port that clients connect to; 0 takes a free one", PORT,
     .readers = E | S},
    {"LINE_BYTES_MAX", "8192", "longest request line", INTEGER(256, 1 << 20), .unit = "bytes",
     .readers = E},
    {"FIELDS_MAX", "64", "most header fields of a request", INTEGER(1, 64), .readers = E},
    {"FIELDS_BYTES_MAX", "32768", "longest header section", INTEGER(256, 1 << 20), .unit = "bytes",
     .readers = E},
    {"BODY_BYTES_MAX", "262144", "longest command, or item of a batch", INTEGER(2, 16 << 20),
     .unit = "bytes", .readers = E | O | P},
    {"BULK_BYTES_MAX", "1073741824", "longest streamed batch as a whole", INTEGER(2, 64 * GIB),
     .unit = "bytes", .readers = E},
    {"DECODED_BYTES_MAX", "16777216", "longest OTLP or GELF request, decompressed",
     INTEGER(1024, GIB), .unit = "bytes", .readers = E},
    {"CONNECTIONS_MAX", "16384", "most client connections at a time", INTEGER(1, 1 << 20),
     .readers = E},
    {"IN_FLIGHT_MAX", "4096", "most commands on their way into the log; more are answered 503",
     INTEGER(1, 1 << 20), .readers = E | O | P},
    {"DELIVERY_TIMEOUT_MS", "6000", "wait for the log's delivery report, then 504",
     INTEGER(1, HOUR_MS), .unit = "ms", .readers = E | O | P},
    {"HEADER_TIMEOUT_MS", "10000", "a request's head has so long to arrive", INTEGER(1, HOUR_MS),
     .unit = "ms", .readers = E},
    {"BODY_TIMEOUT_MS", "30000", "each 64 KiB of a body have so long to arrive",
     INTEGER(1, HOUR_MS), .unit = "ms", .readers = E},
    {"KEEP_ALIVE_MS", "60000", "an idle connection is kept so long", INTEGER(1, HOUR_MS),
     .unit = "ms", .readers = E},
    {"KEY_CACHE_MS", "10000", "an API key is believed so long before it is read again",
     INTEGER(0, HOUR_MS), .unit = "ms", .readers = E},

    /* ---- log lines on their way in ---- */
    {"INGEST_RULES", NULL, "file of your own rules: what is redacted and sampled", TEXT,
     .readers = E | O | P | S},
    {"COLLECT_ADDRESS", "0.0.0.0", "address that syslog and GELF senders send to", TEXT,
     .readers = O | S},
    {"COLLECT_ACCOUNT", NULL, "account that the collector writes for", UUID, .readers = O | S},
    {"SYSLOG_PORT", "5514", "port of syslog, UDP and TCP; 0 takes free ones", PORT,
     .readers = O | S},
    {"GELF_PORT", "12201", "port of GELF, UDP and TCP; 0 takes free ones", PORT, .readers = O | S},
    {"MESSAGE_BYTES_MAX", "131072", "longest message of the collector", INTEGER(480, 16 << 20),
     .unit = "bytes", .readers = O},
    {"UDP_BUFFER_BYTES", "4194304", "receive buffer asked for each UDP socket", INTEGER(4096, GIB),
     .unit = "bytes", .readers = O},
    {"CHUNKS_MS", "5000", "a GELF message's chunks have so long to arrive", INTEGER(1, HOUR_MS),
     .unit = "ms", .readers = O},

    /* ---- millrace-produce ---- */
    {"FORMAT", "ndjson", "what the lines are", TEXT, .choices = "ndjson|combined", .readers = P},
    {"TYPE", NULL, "command type of the lines, such as logging.line", TEXT, .readers = P},
    {"FOLLOW", "false", "go on with what is appended, and with the file that takes its place",
     .kind = MR_CONFIG_BOOL, .readers = P},
    {"IDEMPOTENCY_KEY", NULL, "import key: lines of the same key and place are the same commands",
     TEXT, .max = 255, .readers = P},
    {"STATE_FILE", NULL, "where an import notes how far it came", TEXT, .readers = P},
    {"SERVICE", NULL, "service of the lines of an access log", TEXT, .max = 255, .readers = P},

    /* ---- worker, loader, ctl ---- */
    {"EVENT_BYTES_MAX", "524288", "longest event; its command is rejected otherwise",
     INTEGER(1024, 16 << 20), .unit = "bytes", .readers = W},
    {"BATCH_COMMANDS_MAX", "8192", "most commands of a transaction", INTEGER(1, 1 << 20),
     .readers = W},
    {"BATCH_BYTES_MAX", "16777216", "most bytes of commands of a transaction",
     INTEGER(1 << 16, GIB), .unit = "bytes", .readers = W},
    {"LANE_LOCK_WAIT_MS", "1000",
     "a lane's row may be locked so long before its holder is looked at", INTEGER(10, HOUR_MS),
     .unit = "ms", .readers = W | C},
    {"SESSION_TIMEOUT_MS", "10000", "silent members leave their group after so long",
     INTEGER(1000, HOUR_MS), .unit = "ms", .readers = W | L},
    {"GROUP_INSTANCE_ID", NULL, "static membership of the consumer group", TEXT, .max = 200,
     .readers = W | L},
    {"RETENTION_DAYS", "30", "days of commands and events that are kept", INTEGER(1, 36500),
     .unit = "days", .readers = W | C | S},
    {"LOG_RETENTION_DAYS", "30", "days of log lines that are kept", INTEGER(3, 36500),
     .unit = "days", .readers = W | C | S},
    {"FLUSH_ROWS", "50000", "rows after which the loader flushes", INTEGER(1, 1 << 24),
     .readers = L},
    {"FLUSH_BYTES", "33554432", "bytes after which the loader flushes", INTEGER(1024, GIB),
     .unit = "bytes", .readers = L},
    {"FLUSH_MS", "30000", "time after which the loader flushes", INTEGER(1, HOUR_MS), .unit = "ms",
     .readers = L},

    /* ---- clients and scripts ---- */
    {"URL", NULL, "where the edge is, for clients", TEXT, .readers = C | X | S},
    {"API_KEY", NULL, "the key that clients send", SECRET, .readers = X | S},
    {"ACCOUNT", NULL, "the account that clients write for", UUID, .readers = P | X | S},
    {"TEST_DATA", NULL, "folder of data for the tests and benches", TEXT, .readers = X | S},
    {"PEERS", NULL, "folder of the programs that benches compare with", TEXT, .readers = X | S},
    {"RUN_DIR", ".run", "folder of the embedded stack's state", TEXT, .readers = X | S},
    {"BUILD_DIR", NULL, "folder of the built programs", TEXT, .readers = X | S},
    {"KAFKA_PORT", "19092", "port of the embedded Kafka", PORT, .readers = X | S},
    {"PG_PORT", "15432", "port of the embedded Postgres", PORT, .readers = X | S},
};

const struct mr_setting *mr_config_table(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}
