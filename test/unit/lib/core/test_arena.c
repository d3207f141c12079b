#include "mr_arena.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(arena, given_a_full_arena_then_allocation_is_refused_until_reset)
{
    struct mr_arena a;
    mr_arena_init(&a, 1 << 20);
    size_t n = 0;
    while (mr_arena_alloc(&a, 1000))
        n++;
    cr_assert_geq(n, 1000);
    cr_assert_null(mr_arena_printf(&a, "%1000d", 1));
    cr_assert_null(mr_arena_slice(&a, mr_slice("x", 100000)).data);
    mr_arena_reset(&a);
    char *p = mr_arena_array(&a, 10, 100);
    cr_assert_not_null(p);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(p[i], 0);
    cr_assert_null(mr_arena_array(&a, SIZE_MAX / 2, 4), "the product overflows");
    mr_arena_free(&a);
}
