#include "mr_lane.h"
#include "mr_prng.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>

Test(lane, given_any_key_then_the_lane_is_librdkafkas_murmur2_partition)
{
    struct mr_prng prng;
    mr_prng_seed(&prng, 7);
    for (int i = 0; i < 20000; i++) {
        char key[40];
        size_t len = 1 + mr_prng_below(&prng, sizeof key);
        for (size_t k = 0; k < len; k++)
            key[k] = (char)mr_prng_next(&prng);
        int32_t want = rd_kafka_msg_partitioner_murmur2(NULL, key, len, 48, NULL, NULL);
        cr_assert_eq(mr_lane_of(mr_slice(key, len), 48), want);
    }
}
