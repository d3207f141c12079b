#include "mr_descriptors.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

static void limit_to(rlim_t soft, rlim_t hard)
{
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){soft, hard}), 0);
}

Test(descriptors, given_a_low_limit_then_it_is_raised_as_far_as_it_may_be_and_never_lowered)
{
    struct rlimit now;
    limit_to(200, 400);
    cr_expect_eq(mr_descriptors_raise(300), 300);
    cr_expect_eq(mr_descriptors_raise(100), 300);
    cr_expect_eq(mr_descriptors_raise(1000), 400);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
    cr_expect_eq(now.rlim_cur, 400);
}
