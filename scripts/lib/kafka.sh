# shellcheck shell=bash
# The embedded Kafka: jars from Maven, one broker in KRaft mode. Its state is .run/kafka.

KAFKA_PORT=${MILLRACE_KAFKA_PORT:-19092}
KAFKA_CONTROLLER_PORT=$((KAFKA_PORT + 1))
KAFKA_LIB=$CACHE_DIR/kafka/lib
# A small heap and a quick start: this broker serves one machine.
KAFKA_JVM='-Xms128m -Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
KAFKA_CLUSTER_ID=AAAAAAAAQACAAAAAAAAAAQ

kafka_fetch() {
    rm -rf "$KAFKA_LIB" "$KAFKA_LIB.part"
    mkdir -p "$CACHE_DIR/kafka"
    mvn -q -B -f "$ROOT/deploy/embedded/kafka/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$KAFKA_LIB.part" &&
        cp "$ROOT/deploy/embedded/kafka/pom.xml" "$KAFKA_LIB.part/made-from.pom.xml" &&
        mv "$KAFKA_LIB.part" "$KAFKA_LIB" # whole or not at all
}

# The jars stay in .cache, which --fresh leaves alone; a changed pom.xml fetches anew.
kafka_jars() {
    if ! cmp -s "$ROOT/deploy/embedded/kafka/pom.xml" "$KAFKA_LIB/made-from.pom.xml"; then
        step "Fetching Kafka from Maven Central" kafka_fetch ||
            die "could not fetch Kafka's jars; is Maven Central reachable?" 3
    fi
}

kafka_configure() {
    local dir=$RUN_DIR/kafka
    mkdir -p "$dir"
    sed -e "s|@PORT@|$KAFKA_PORT|g" -e "s|@CONTROLLER_PORT@|$KAFKA_CONTROLLER_PORT|g" \
        -e "s|@DATA@|$dir/data|g" "$ROOT/deploy/embedded/kafka/server.properties.in" >"$dir/server.properties"
    if [ ! -e "$dir/data/meta.properties" ]; then
        java $KAFKA_JVM -cp "$KAFKA_LIB/*" kafka.tools.StorageTool format \
            -t $KAFKA_CLUSTER_ID -c "$dir/server.properties"
    fi
}

# Only begins the start, which takes some seconds: kafka_await ends it.
kafka_begin() {
    kafka_configure >"$RUN_DIR/log/kafka-format.log" 2>&1 || {
        log_tail kafka-format 20 >&2
        die "Kafka's data folder could not be prepared" 3
    }
    start_process kafka java $KAFKA_JVM \
        -Dlog4j.configuration="file:$ROOT/deploy/embedded/kafka/log4j.properties" \
        -cp "$KAFKA_LIB/*" kafka.Kafka "$RUN_DIR/kafka/server.properties"
}

kafka_started_or_gone() {
    is_gone kafka || grep -q 'Kafka Server started' "$RUN_DIR/log/kafka.log"
}

kafka_await() {
    await 60 kafka_started_or_gone || true
    if is_gone kafka || ! port_answers "$KAFKA_PORT"; then
        log_tail kafka 15 >&2
        die "Kafka did not start on port $KAFKA_PORT" 3
    fi
}

kafka_stop() { stop_process kafka 30; }
