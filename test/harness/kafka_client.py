"""What the log really holds, by aiokafka: not the library that the programs use."""

import asyncio
import contextlib
import threading
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


@dataclass(frozen=True)
class Record:
    topic: str
    lane: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple
    timestamp_ms: int

    def header(self, name):
        """The text of a header, or None."""
        for found, value in self.headers:
            if found == name:
                return value.decode()
        return None


class KafkaClient:
    """Synchronous: each call runs on an event loop of its own thread."""

    def __init__(self, brokers):
        self.brokers = brokers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._producer = None

    def close(self):
        if self._loop.is_closed():
            return
        if self._producer:
            with contextlib.suppress(Exception):  # the broker may be gone already
                self._run(self._producer.stop(), 10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, coroutine, deadline_s=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(deadline_s)

    # --- writing ---

    def produce(self, topic, value, key=None, headers=(), lane=None):
        """Appends one record and returns (lane, offset). lane None: murmur2 of the key."""
        return self.produce_all(topic, [(value, key, headers, lane)])[0]

    def produce_all(self, topic, records):
        """Appends (value, key, headers, lane) records in order; returns their (lane, offset)."""
        return self._run(self._produce_all(topic, records))

    async def _produce_all(self, topic, records):
        if not self._producer:
            self._producer = AIOKafkaProducer(bootstrap_servers=self.brokers, acks="all")
            await self._producer.start()
        futures = []
        for value, key, headers, lane in records:
            futures.append(
                await self._producer.send(
                    topic, value, key=key, partition=lane, headers=list(headers)
                )
            )
        return [(done.partition, done.offset) for done in await asyncio.gather(*futures)]

    def make_topic(self, topic, lanes):
        self._run(self._make_topic(topic, lanes))

    async def _make_topic(self, topic, lanes):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, lanes, 1)])
        finally:
            await admin.close()

    # --- reading ---

    def lanes(self, topic):
        """How many partitions the topic has."""
        return self._run(self._with_consumer(self._lanes, topic))

    def end_offsets(self, topic):
        """{lane: next offset}."""
        return self._run(self._with_consumer(self._end_offsets, topic))

    def read_all(self, topic, since=None):
        """Every record from the start of the log, or from the offsets {lane: offset} of `since`, to
        its present end, by lane and offset."""
        return self._run(self._with_consumer(self._read_all, topic, since or {}), 60)

    def read_at(self, topic, lane, offset):
        return next(
            record
            for record in self.read_all(topic)
            if record.lane == lane and record.offset == offset
        )

    async def _with_consumer(self, use, topic, *more):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.brokers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            await consumer._client.force_metadata_update()
            return await use(consumer, topic, *more)
        finally:
            await consumer.stop()

    async def _partitions(self, consumer, topic):
        return [
            TopicPartition(topic, lane) for lane in sorted(await self._known_lanes(consumer, topic))
        ]

    @staticmethod
    async def _known_lanes(consumer, topic):
        consumer._client.add_topic(topic)
        await consumer._client.force_metadata_update()
        found = consumer.partitions_for_topic(topic)
        if not found:
            raise LookupError(f"there is no topic {topic}")
        return found

    async def _lanes(self, consumer, topic):
        return len(await self._known_lanes(consumer, topic))

    async def _end_offsets(self, consumer, topic):
        ends = await consumer.end_offsets(await self._partitions(consumer, topic))
        return {where.partition: offset for where, offset in ends.items()}

    async def _read_all(self, consumer, topic, since):
        partitions = await self._partitions(consumer, topic)
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        for where in partitions:
            if where.partition in since:
                consumer.seek(where, since[where.partition])
        found = []
        for where in partitions:
            while await consumer.position(where) < ends[where]:
                got = await consumer.getmany(where, timeout_ms=1000)
                for record in got.get(where, ()):
                    found.append(
                        Record(
                            topic,
                            record.partition,
                            record.offset,
                            record.key,
                            record.value,
                            tuple(record.headers),
                            record.timestamp,
                        )
                    )
        return found
