#include "ctl_verify.h"

#include <criterion/criterion.h>

Test(verify, given_days_then_only_those_have_partitions)
{
    static int32_t list[] = {10, 11, 12, 20};
    const struct ctl_days days = {.list = list, .count = 4};
    for (int32_t day = 8; day < 23; day++)
        cr_expect_eq(ctl_verify_has_day(&days, day), (day >= 10 && day <= 12) || day == 20, "%d",
                     (int)day);
    cr_expect_not(ctl_verify_has_day(&(struct ctl_days){0}, 10));
}

Test(verify, given_what_an_operator_passed_over_then_only_that_lane_and_kind)
{
    static const struct ctl_skip skips[] = {
        {"billing 3", CTL_SKIP_POSITIONS, 10, 20},
        {"billing 3", CTL_SKIP_EVENTS, 5, 6},
        {"billing 3", CTL_SKIP_POSITIONS, 40, 30}, /* set back: nothing is passed over */
    };
    const struct ctl_verify v = {.skips = skips, .skip_count = 3};
    const struct ctl_lane lane = {.domain = "billing", .lane = 3};
    const struct ctl_lane other = {.domain = "billing", .lane = 30};
    cr_expect(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_POSITIONS, 10));
    cr_expect(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_POSITIONS, 19));
    cr_expect_not(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_POSITIONS, 20));
    cr_expect_not(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_POSITIONS, 5));
    cr_expect_not(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_POSITIONS, 35));
    cr_expect(ctl_verify_is_skipped(&v, &lane, CTL_SKIP_EVENTS, 5));
    cr_expect_not(ctl_verify_is_skipped(&v, &other, CTL_SKIP_POSITIONS, 10));
}
